"""Texts of the product in pure code: marked here, said in a language where they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Say = Callable[[str], str]
"""Gives a marked text in a language."""


def gettext_noop(text: str) -> str:
    """Marks a text, so that it is collected for translation (`platform/messages.py`)."""
    return text


class Told:
    """A marked text with its values, some of which may be such texts too."""

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values = values

    def said(self, say: Say) -> str:
        """The text as `say` gives it, with its values."""
        values = {
            name: value.said(say) if isinstance(value, Told) else value
            for name, value in self.values.items()
        }
        return say(self.text) % values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        """In English."""
        return self.said(gettext_noop)
