"""HTML in which text cannot become markup: whatever is not `Html` is escaped when it is put in. Pure."""

import re
from functools import cache
from html import escape

from calllog.printable import escaped

_UNSAFE = re.compile("[^ !#-%(-;=?-~]")
"""All but ASCII that can be seen and is no markup: few texts have it, of a hundred thousand in a page."""
LIMIT = 120
"""Characters of one text that are shown; what is longer was not written to be read."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(content: str, limit: int = LIMIT) -> Html:
    """Text as HTML: nothing in it is markup, nothing unseen turns what is around it."""
    if len(content) > limit:
        content = f"{content[:limit]}… ({len(content)} characters)"
    return Html(escape(escaped(content), quote=True) if _UNSAFE.search(content) else content)


def join(*parts: "str | Html") -> Html:
    """The parts one after the other."""
    return Html("".join([part if isinstance(part, Html) else text(part, 10 * LIMIT) for part in parts]))


def tag(name: str, *inner: "str | Html", **attributes: str | bool) -> Html:
    """An element. `class_` is written `class`, `data_tip` `data-tip`; what is False or empty is left out."""
    opening = f"<{name}"
    for key, value in attributes.items():
        if value is True:
            opening += f" {_attribute(key)}"
        elif value:
            opening += f' {_attribute(key)}="{text(value, 10 * LIMIT)}"'
    return Html(f"{opening}>{join(*inner)}</{name}>")


def prose(content: str) -> Html:
    """Sentences in which `names` stand between backticks."""
    parts = content.split("`")
    return join(*(tag("code", part) if at % 2 else part for at, part in enumerate(parts)))


def plain(content: str) -> str:
    """The same for a place that bears no markup."""
    return content.replace("`", "")


def sideways(title: str, inside: Html) -> Html:
    """What scrolls by itself where it is too wide, also by keyboard."""
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label=title)


@cache
def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def percent(part: float) -> str:
    """A share as a length in CSS."""
    return f"{part * 100:.3f}".rstrip("0").rstrip(".") + "%"
