"""Reading pages and parts in tests, with the standard library's parser."""

from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser
from typing import Any

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "use"}


class Element:
    """A start tag with its attributes, its words, and the elements inside it."""

    def __init__(self, tag: str, attrs: dict[str, str]) -> None:
        self.tag, self.attrs = tag, attrs
        self.inside: list[Element] = []
        self.text = ""

    def __getitem__(self, name: str) -> str:
        return self.attrs[name]

    def get(self, name: str) -> str | None:
        return self.attrs.get(name)

    @property
    def vals(self) -> dict[str, Any]:
        """What the button sends."""
        return json.loads(self.attrs.get("hx-vals", "{}"))

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attrs} {' '.join(self.text.split())[:60]!r}>"


class Page(HTMLParser):
    """All elements of some HTML in order; `find(tag, **attributes)` picks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.text = " ".join("".join(e.text for e in self.elements if e in self._roots).split())

    @property
    def _roots(self) -> list[Element]:
        inner = {id(child) for element in self.elements for child in element.inside}
        return [element for element in self.elements if id(element) not in inner]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        for around in self._open:
            around.inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at].tag == tag:
                del self._open[at:]
                return

    def handle_data(self, data: str) -> None:
        for around in self._open:
            around.text += data

    def all(self, tag: str | None = None, **attributes: str | bool) -> list[Element]:
        """Elements with the tag and the attributes; True asks only that one is there, _ in a name stands for -."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            e
            for e in self.elements
            if (tag is None or e.tag == tag)
            and all(n in e.attrs and (value is True or e.attrs[n] == value) for n, value in wanted.items())
        ]

    def one(self, tag: str | None = None, **attributes: str | bool) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, found
        return found[0]

    @property
    def twice(self) -> list[str]:
        """Ids that stand there more than once."""
        return [name for name, n in Counter(e["id"] for e in self.elements if e.get("id")).items() if n > 1]


def parts(html: str) -> dict[str, Page]:
    """The parts of an answer by the id they go to."""
    found: dict[str, Page] = {}
    for chunk in html.split("<hx-partial")[1:]:
        inner = chunk.partition("</hx-partial>")[0]
        head, _, body = inner.partition(">")
        target = head.partition('hx-target="#')[2].partition('"')[0]
        found[target] = Page(body)
    return found


def htmx(page: str = "/", target: str = "") -> dict[str, str]:
    """The headers of a click on `page`."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://localhost{page}", "HX-Target": target}
