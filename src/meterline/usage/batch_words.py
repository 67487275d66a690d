"""What batches and files are called that no file made, in the language of the page."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from meterline.web.filters import Filter
from meterline.web.rows import Column, Row
from meterline.web.words import Words

FORMATS: Final[dict[str, Words]] = {
    "back-out": _("a batch taken back"), "re-rate": _("usage rated anew"),
    "reversal": _("records taken out"), "recycle": _("rejects tried again"),
    "records": _("handed over without a file"), "reads": _("meter reads"),
}  # fmt: skip
"""What a batch is whose format is none of a file; formats of files are known by their names."""

_FILES: Final[dict[str, Words]] = {
    "receipts": _("received over HTTP or a stream"), "re-rate": _("usage rated anew"),
}  # fmt: skip
"""What stands for a file where there was none."""

_OF_NO_FILE: Final = ("re-rate", "recycle", "reversal", "records")


def format_words(code: str) -> str:
    """What a batch is, or its format."""
    return str(FORMATS.get(code, code))


def file_words(name: str, format: str = "") -> str:
    """The name of the file, or where records came from instead; of a batch: by its format."""
    if format == "reversal":  # one record is named by its id, several are counted
        count, _space, rest = name.partition(" ")
        known = rest == "records" and count.isdecimal()
        return _t("%(count)s records") % {"count": count} if known else name
    return "" if format in _OF_NO_FILE else str(_FILES.get(name, name))


def source_words(source: str, format: str) -> str:
    """The source of a batch; the product itself is none."""
    return "" if source == format else source


class Format(Column):
    """The format of a batch, or what it is."""

    def value(self, row: Row) -> Any:
        return format_words(row[self.name]) or super().value(row)


class File(Column):
    """The file of a batch (`format` in the row) or of a reject."""

    def value(self, row: Row) -> Any:
        told = file_words(row[self.name], row.get("format", ""))
        return super().value({self.name: told})


class Source(Column):
    """The source of a batch (`format` in the row)."""

    def value(self, row: Row) -> Any:
        return super().value({self.name: source_words(row[self.name], row["format"])})


class FormatFilter(Filter):
    """Batches of a format, by its name or by what it is called here."""

    def narrow(self, queryset: Any, params: Any) -> Any:
        value = self.value(params)
        called = {str(words): code for code, words in FORMATS.items()}
        return queryset.filter(format=called.get(value, value)) if value else queryset

    def told(self, params: Any) -> str:
        value = self.value(params)
        return f"{self.label}: {format_words(value)}" if value else ""
