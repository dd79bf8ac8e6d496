"""Markdown as HTML for a page: no raw HTML, no external images, heading levels in order."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from glassbox.findings.html import trusted

_EMBEDDED_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,", re.IGNORECASE)


class MarkdownRenderer:
    """Render the Markdown cells of one page in order: the first heading of level 1 becomes the only `h1` of the page.

    Parameters
    ----------
    titled
        The page already has an `h1`.
    """

    def __init__(self, *, titled: bool = False) -> None:
        self._markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
        self._level = 1 if titled else 0
        self._titled = titled

    def html(self, text: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> Markup:
        """Render one cell.

        Parameters
        ----------
        text
            Markdown.
        attachments
            Images pasted into the cell: name -> media type -> base64.
        """
        tokens = self._markdown.parse(text)
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                self._set_level(token)
            if token.type == "inline" and token.children:
                token.children = [_embedded(child, attachments or {}) for child in token.children]
        return _scrollable_tables(self._markdown.renderer.render(tokens, self._markdown.options, {}))

    def _set_level(self, token: Token) -> None:
        if token.nesting == 1:
            level = int(token.tag[1])
            self._level = 1 if level == 1 and not self._titled else max(2, min(level, self._level + 1))
            self._titled = True
        token.tag = f"h{self._level}"


def has_title(texts: Sequence[str]) -> bool:
    """Return whether the first heading in Markdown texts has level 1 and can be the title of the page."""
    markdown = MarkdownIt("commonmark", {"html": False})
    headings = (token.tag for text in texts for token in markdown.parse(text) if token.type == "heading_open")
    return next(headings, "") == "h1"


def _embedded(token: Token, attachments: Mapping[str, Mapping[str, str]]) -> Token:
    """Return an image as a data URI, or the alternative text of an external image."""
    if token.type != "image":
        return token
    source = str(token.attrs.get("src", ""))
    if source.startswith("attachment:"):
        pasted: Mapping[str, Any] = attachments.get(source.partition(":")[2], {})
        source = next((f"data:{kind};base64,{''.join(data.split())}" for kind, data in sorted(pasted.items())), "")
    if _EMBEDDED_IMAGE.match(source):
        token.attrs["src"] = source
        return token
    return Token("text", "", 0, content=token.content or "(an external image)")


def _scrollable_tables(html: str) -> Markup:
    """Wrap each table in HTML so that it scrolls separately on a narrow screen."""
    return trusted(
        html.replace("<table>", '<div class="scroll" role="region" aria-label="table" tabindex="0"><table>').replace(
            "</table>", "</table></div>"
        )
    )


def markdown_text(text: Any) -> str:
    """Escape a text from data for use in Markdown: characters with a meaning in Markdown or HTML become literal.

    >>> markdown_text("<b>*a*|_b_")
    '&lt;b>\\\\*a\\\\*\\\\|\\\\_b\\\\_'
    """
    one_line = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", one_line.replace("&", "&amp;").replace("<", "&lt;"))
