"""Topics of help: a Markdown file each, in a folder for each language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

HELP = Path(__file__).resolve().parent / "help"


@dataclass(frozen=True, kw_only=True)
class Topic:
    """What the help says about one thing."""

    name: str
    title: str
    text: str
    """Markdown; its first line is the title."""
    searched: str


@cache
def topics_in(language: str) -> tuple[Topic, ...]:
    """All topics in a language of the product, by name."""
    return tuple(_topic(path) for path in sorted((HELP / language).glob("*.md")))


def _topic(path: Path) -> Topic:
    text = path.read_text("utf-8")
    title = text.split("\n", 1)[0].removeprefix("# ")
    return Topic(name=path.stem, title=title, text=text, searched=text.casefold())
