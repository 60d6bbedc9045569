"""The visible text of HTML: what is left where a program takes all tags and styles away."""

from __future__ import annotations

from html.parser import HTMLParser

HIDDEN = ("style", "script", "head")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in HIDDEN
        if tag in (
            "div",
            "p",
            "pre",
            "li",
            "h1",
            "h2",
            "h3",
            "td",
            "th",
            "tr",
        ):  # blocks end a line, and so do not join
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def visible_text(html: str) -> str:
    """Give the text that a reader sees.

    >>> visible_text("<div>a &lt; b<style>p {}</style></div><div>c</div>")
    'a < b\\nc\\n'
    """
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts)
