"""What an act answers: a toast, and the regions of the acting screen as they stand now.

The acting screen so follows even without a socket. Which regions it shows is known from the page that the click came
from; the parts are those that are pushed, at their version, and the newer one wins (live.js).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Response, g, make_response, render_template, request
from markupsafe import Markup

from reception import live, live_sockets, regions
from reception.domain.actors import Actor
from reception.domain.errors import NotFound, Refusal
from reception.errors import sentence
from reception.models import Visit

SCREENS = (
    (re.compile(r"/"), r"arrivals|payable|notices|offers|refunds|line-\d+|pool-\d+"),
    (re.compile(r"/day"), r"unsettled"),
    (re.compile(r"/finance/refunds"), r"refunds"),
    (re.compile(r"/waitlist"), r"offers"),
    (re.compile(r"/queue"), r"line-\d+|pool-\d+"),
    (re.compile(r"/queue/doctors/(\d+)"), r"board-{}"),
    (re.compile(r"/queue/visits/\d+/record"), r"board-\d+"),
)
"""Path of a page -> the regions on it."""


def done(
    text: str,
    *,
    ticket: str | None = None,
    undo: dict[str, object] | None = None,
    visit: Visit | None = None,
    more: str = "",
) -> Response:
    """200: the toast `text`, with Undo where `undo` ({"url", "key", "version"}) is given; closes an open dialog.

    `visit`: whose regions are shown when nothing was raised (a repeated wish); `more`: further parts as HTML.
    """
    toast = render_template("components/_toast.html", text=text, ticket=ticket or "", undo=undo)
    answer = make_response("".join((toast, more, fresh(g.get("raised") or _showing(visit)))))
    answer.headers["HX-Trigger"] = "rx:close-dialog"
    return answer


def refused(refusal: Refusal, visit: Visit | None = None) -> Response:
    """The refusal as a toast, and how things stand: the regions of `visit` and the one that was clicked in."""
    toast = render_template("components/_toast.html", text=sentence(refusal), kind="refused")
    answer = make_response("".join((toast, fresh({*_showing(visit), _clicked()}))), refusal.status)
    answer.headers["HX-Trigger"] = "rx:close-dialog"
    return answer


def fresh(names: Iterable[str]) -> Markup:
    """The regions among `names` that the acting screen shows, as parts to put in."""
    viewer = live_sockets.viewer_of(g.actor)
    return Markup("").join(_part(viewer, name) for name in sorted(set(names)) if _is_shown(name, viewer))


def _part(viewer: Actor, name: str) -> Markup:
    try:
        _, html = live.draw(viewer, name)
    except NotFound:
        return Markup("")
    return Markup('<hx-partial hx-target="#{}" hx-swap="outerMorph">{}</hx-partial>').format(name, Markup(html.strip()))  # noqa: S704


def _is_shown(name: str, viewer: Actor) -> bool:
    path = urlsplit(request.headers.get("HX-Current-URL", "")).path
    for page, shown in SCREENS:
        if found := page.fullmatch(path):
            return bool(re.fullmatch(shown.format(*found.groups()), name)) and regions.may_see(viewer, name)
    return False


def _showing(visit: Visit | None) -> set[str]:
    if visit is None:
        return set()
    own = (
        {f"line-{visit.doctor_id}", f"board-{visit.doctor_id}"} if visit.doctor_id else {f"pool-{visit.department_id}"}
    )
    return {"arrivals", "payable", *own}


def _clicked() -> str:
    """Id of the region that the button stood in."""
    return request.headers.get("HX-Target", "").rpartition("#")[2]
