"""Refusals and crashes -> status and words: a notice for a page, problem+json for the API.

The sentence is translated here, its gaps are filled with the words of states. Nothing of the request is repeated,
and a crash says only its request id.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from reception.access import Unknown, actor_of_request
from reception.domain.errors import Refusal
from reception.extensions import db
from reception.formats import word
from reception.words import N_

log = logging.getLogger(__name__)

HTTP_MESSAGES = {
    400: N_("The request could not be understood."),
    404: N_("There is no such address."),
    405: N_("This address does not accept that."),
    413: N_("That is too large."),
    415: N_("The API accepts JSON only."),
    429: N_("Too many tries. Please wait a little."),
}
TOO_OLD = N_("This page has been open too long. Load it again and repeat what you did.")
HINTS = {
    403: N_("Somebody with another role can do this; an administrator gives roles."),
    404: N_("It may have been closed since, or the address has a slip of the pen."),
    500: N_("Please try again. If it happens again, tell whoever looks after this system the number below."),
}
LINKS = {
    "patient": ("patients.card", "patient_id", N_("Open the card")),
    "cashbox": ("finance.shift_new", "cashbox_id", N_("Open a shift")),
    "cashbox_shift": ("finance.shift", "shift_id", N_("Look at the shift")),
    "display": ("display.pair", "", N_("Pair this screen")),
}
"""Where the record that a refusal names is shown: kind -> (endpoint, its argument, words)."""


def is_api() -> bool:
    return request.path.startswith("/api/")


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def sentence(refusal: Refusal) -> str:
    """The refusal in the reader's language."""
    gaps = {name: word(value) for name, value in refusal.gaps.items()}
    text = gettext(refusal.message)
    return text % gaps if gaps else text


def field_sentences(refusal: Refusal) -> dict[str, str]:
    """Field -> what is wrong with it, in the reader's language."""
    gaps = {name: word(value) for name, value in refusal.gaps.items()}
    texts = {name: gettext(text) for name, text in refusal.fields.items()}
    return {name: text % gaps if gaps and "%(" in text else text for name, text in texts.items()}


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """RFC 9457 problem details."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    body.update({key: value for key, value in more.items() if value is not None})
    answer = jsonify(body)
    answer.status_code = status
    answer.content_type = "application/problem+json"
    return answer


def notice(status: int, message: str, refusal: Refusal | None = None) -> Response:
    """A page for a plain request, a toast for htmx: the swapped place stays as it is."""
    if is_htmx():
        return make_response(render_template("components/_toast.html", text=message, kind="refused"), status)
    _ask_who()
    hint = HINTS.get(status, "")
    html = render_template(
        "errors/page.html",
        status=status,
        message=message,
        hint=gettext(hint) if hint else "",
        number=g.get("request_id", "")[:12] if status == 500 else "",
        link=_link(refusal),
    )
    return make_response(html, status)


def _ask_who() -> None:
    """Where no route was found nobody has asked yet who it is; the language of the words depends on it, too."""
    if "actor" not in g:
        g.actor = _asker()


def _asker() -> Any:
    try:
        return actor_of_request()
    except Exception:
        return None


def _link(refusal: Refusal | None) -> tuple[str, str] | None:
    """Words and address of the record that shows the way on."""
    if refusal is None or refusal.link is None:
        return None
    endpoint, argument, words = LINKS.get(refusal.link[0], ("", "", ""))
    if endpoint not in current_app.view_functions:
        return None
    values: dict[str, Any] = {argument: refusal.link[1]} if argument else {}
    return gettext(words), url_for(endpoint, **values)


def refused(refusal: Refusal) -> Response:
    db.session.rollback()
    message = sentence(refusal)
    if is_api():
        return problem(
            refusal.status,
            HTTPStatus(refusal.status).phrase,
            message,
            code=refusal.code,
            state=refusal.state,
            allowed=refusal.allowed,
            errors=field_sentences(refusal) or None,
            link=f"/api/v1/{refusal.link[0]}s/{refusal.link[1]}" if refusal.link else None,
        )
    return notice(refusal.status, message, refusal)


def not_signed_in(refusal: Unknown) -> Any:
    if is_api():
        answer = problem(401, HTTPStatus.UNAUTHORIZED.phrase, sentence(refusal), code=refusal.code)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    target = url_for("auth.sign_in", next=_way_back() or None)
    if is_htmx() or request.path.startswith("/live/"):
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target)


def _way_back() -> str:
    """Where to go on after signing in: the page that was asked for, never a part of one or an act."""
    if is_htmx():
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
        return f"{here.path}?{here.query}" if here.query else here.path
    return request.full_path.rstrip("?") if request.method == "GET" else ""


def http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400:
        return error
    _ask_who()
    is_old = isinstance(error, CSRFError)
    message = gettext(TOO_OLD if is_old else HTTP_MESSAGES.get(status, N_("This did not work.")))
    if is_api():
        answer = problem(status, error.name, message, code=error.name.lower().replace(" ", "-"))
        if methods := getattr(error, "valid_methods", None):
            answer.headers["Allow"] = ", ".join(sorted(methods))
    else:
        answer = notice(status, message)
    if retry := getattr(error, "retry_after", None):
        answer.headers["Retry-After"] = str(retry)
    return answer


def crashed(error: Exception) -> Response:
    db.session.rollback()
    log.exception("crash in %s, request %s", request.endpoint, g.get("request_id", ""))
    g.actor = None  # whatever broke may break the shell's own questions, too: the page stands alone
    message = gettext(N_("Something went wrong on our side. Nothing was changed."))
    if is_api():
        return problem(
            500, HTTPStatus.INTERNAL_SERVER_ERROR.phrase, message, code="error", request_id=g.get("request_id")
        )
    return notice(500, message)


def init_app(app: Flask) -> None:
    app.register_error_handler(Unknown, not_signed_in)
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, crashed)
