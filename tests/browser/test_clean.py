"""Every screen is clean: nothing leaves the machine, the console is empty, the policy holds, nothing sticks out."""

from __future__ import annotations

import re

import pytest

from tests.browser.day import Day
from tests.browser.screens import SCREENS, Screen, is_clean
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-clean")]

PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_clean_on_a_phone(busy: tuple[Stage, Stage, Day], screen: Screen) -> None:
    is_tv = screen.path.startswith("/display")
    size = {"width": 1280, "height": 720} if is_tv else PHONE
    page = screen.show(busy, viewport=size, reduced_motion="reduce", **({} if is_tv else {"has_touch": True}))
    is_clean(page, "en", "ltr")
    if screen.is_counted:
        assert re.match(r"\(\d+\) \S", page.title()), page.title()
    page.close()
