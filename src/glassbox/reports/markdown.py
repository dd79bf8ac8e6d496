"""Markdown as a page's prose: no raw HTML, no pictures from elsewhere, headings in order."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from glassbox.findings.html import trusted

_PICTURE = re.compile(r"^data:image/(?:png|jpeg|gif|webp);base64,", re.IGNORECASE)


class Prose:
    """The Markdown cells of one page, in order: the first heading of the first level is the page's only h1."""

    def __init__(self, *, titled: bool = False) -> None:
        self._markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
        self.level = 1 if titled else 0
        self._titled = titled

    def html(self, text: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> Markup:
        """One cell as HTML.

        Parameters
        ----------
        text
            Markdown.
        attachments
            Pictures pasted into the cell: name -> media type -> base64.
        """
        tokens = self._markdown.parse(text)
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                self._order(token)
            if token.type == "inline" and token.children:
                token.children = [_safe(child, attachments or {}) for child in token.children]
        return _in_scroll(self._markdown.renderer.render(tokens, self._markdown.options, {}))

    def _order(self, token: Token) -> None:
        if token.nesting == -1:
            token.tag = f"h{self.level}"
            return
        wanted = int(token.tag[1])
        if wanted == 1 and not self._titled:
            self.level, self._titled = 1, True
        else:
            self.level = max(2, min(wanted, self.level + 1))
            self._titled = True
        token.tag = f"h{self.level}"


def has_title(texts: Sequence[str]) -> bool:
    """Whether the first heading in these Markdown texts is of the first level, so that it can be the page's title."""
    markdown = MarkdownIt("commonmark", {"html": False})
    for text in texts:
        for token in markdown.parse(text):
            if token.type == "heading_open":
                return token.tag == "h1"
    return False


def _safe(token: Token, attachments: Mapping[str, Mapping[str, str]]) -> Token:
    if token.type != "image":
        return token
    source = str(token.attrs.get("src", ""))
    if source.startswith("attachment:"):
        pasted: Mapping[str, Any] = attachments.get(source.partition(":")[2], {})
        source = next((f"data:{kind};base64,{''.join(data.split())}" for kind, data in sorted(pasted.items())), "")
    if _PICTURE.match(source):
        token.attrs["src"] = source
        return token
    return Token("text", "", 0, content=token.content or "(a picture from elsewhere)")


def _in_scroll(html: str) -> Markup:
    """Tables scroll by themselves on a narrow screen."""
    return trusted(
        html.replace("<table>", '<div class="scroll" role="region" aria-label="table" tabindex="0"><table>').replace(
            "</table>", "</table></div>"
        )
    )


def markdown_text(text: Any) -> str:
    """A text from data, to stand in Markdown as it is: what Markdown or HTML would read is escaped.

    >>> markdown_text("<b>*a*|_b_")
    '&lt;b>\\\\*a\\\\*\\\\|\\\\_b\\\\_'
    """
    one_line = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", one_line.replace("&", "&amp;").replace("<", "&lt;"))
