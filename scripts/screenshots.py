"""Take the pictures of the README from a running server with the demo clinic.

    make run                                             # in another window
    python scripts/screenshots.py                        # http://127.0.0.1:8000 into docs/images/
    python scripts/screenshots.py http://127.0.0.1:8177 pictures

Needs playwright (requirements-dev.txt) and a Chromium: TEST_CHROMIUM, or one on the PATH. It changes nothing but the
language of the user `reception` for a moment, which it sets back.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "demo-desk-2026"
LARGEST = 300_000
"""Bytes of a picture: a README should open at once."""


def chromium() -> str:
    names = (os.environ.get("TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if found is None:
        sys.exit("No Chromium: install one, or name it in TEST_CHROMIUM.")
    return found


class Camera:
    """One browser that looks at one server and puts its pictures into one folder."""

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self.browser, self.url, self.folder = browser, url.rstrip("/"), folder

    def page(self, width: int, height: int, user: str = "", dark: bool = False, **more: object) -> Page:
        """A window of its own, signed in as `user`."""
        page = self.browser.new_page(
            base_url=self.url, viewport={"width": width, "height": height}, reduced_motion="reduce",
            color_scheme="dark" if dark else "light", locale="en-GB", **more,
        )  # fmt: skip
        if user:
            page.goto("/sign-in")
            page.fill("#username", user)
            page.fill("#password", PASSWORD)
            page.keyboard.press("Enter")
            self.settle(page)
        return page

    @staticmethod
    def settle(page: Page) -> None:
        """Until the line stands and the fonts are there."""
        page.wait_for_selector('body[data-live="live"]')
        page.evaluate("document.fonts.ready.then(() => null)")

    def take(self, page: Page, name: str) -> None:
        path = self.folder / f"{name}.png"
        page.screenshot(path=path, animations="disabled", caret="hide")
        if (size := path.stat().st_size) > LARGEST:
            print(f"{name}.png is large: {size} bytes")
        page.context.close()

    # ---------------------------------------------------------------------------------------------- pictures

    def desk_light(self) -> None:
        self.take(self.page(1440, 900, "reception"), "desk-light")

    def desk_phone(self) -> None:
        self.take(self.page(390, 844, "reception", has_touch=True, device_scale_factor=2), "desk-phone")

    def desk_rtl(self) -> None:
        page = self.page(1440, 900, "reception")
        self._language(page, "ar")
        page.screenshot(path=self.folder / "desk-rtl.png", animations="disabled", caret="hide")
        self._language(page, "en")
        page.context.close()

    def _language(self, page: Page, code: str) -> None:
        page.locator(".rx-user").click()
        with page.expect_navigation():
            page.locator(f'#user-menu button[name="locale"][value="{code}"]').click()
        self.settle(page)

    def doctor_dark(self) -> None:
        self.take(self.page(1280, 800, "doctor1", dark=True), "doctor-dark")

    def tv_dark(self) -> None:
        admin = self.page(1280, 800, "admin")
        admin.goto("/settings/displays")
        address = admin.locator('a[href*="/display/"]').first.get_attribute("href")
        admin.context.close()
        page = self.page(1280, 720, dark=True)
        page.goto(address or "/display")
        self.settle(page)
        page.locator("#tv-sound").evaluate("(hint) => hint.remove()")
        page.wait_for_selector('body[data-phase="rest"] .tv-call:not([hidden])', timeout=60_000)
        self.take(page, "tv-dark")

    def payment_light(self) -> None:
        """A bill split between card and cash."""
        page = self.page(1440, 900, "reception")
        row = page.locator("#payable .rx-payable").first
        row.hover()
        row.locator(".rx-act").click()
        page.wait_for_selector("#payment [data-take]:focus")
        page.locator('#payment [data-way][value="CARD"]').check()
        page.locator("#amount-CASH").fill("20")
        page.locator("#payment [data-take]").focus()
        self.take(page, "payment-light")


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs/images"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        camera = Camera(browser, url, folder)
        for picture in (
            camera.desk_light, camera.desk_phone, camera.desk_rtl, camera.doctor_dark, camera.tv_dark,
            camera.payment_light,
        ):  # fmt: skip
            picture()
        browser.close()


if __name__ == "__main__":
    main()
