"""Sources of usage: what each sent, which numbered files are missing, how its files are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.kernel.errors import MeterlineError
from meterline.usage import intake
from meterline.usage.batch_words import file_words, format_words
from meterline.usage.models import Batch, Delivery, Source
from meterline.usage.sources import SourceTold, set_source, sources
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.page import done, page
from meterline.web.rows import Column, Number, Row, Rows, When

SHOWN = 20


def _link(row: Row) -> str:
    return reverse("usage.source", args=[row["pk"]])


SOURCES = [
    Column("code", later("Source"), link=_link), Number("files", later("Files")),
    Number("records", later("Records")), Number("rejected", later("Rejected")),
    Number("flagged", later("Flagged files")), Column("missing", later("Missing files")),
    When("last_at", later("Last file")),
]  # fmt: skip
STREAMS = [
    Column("name", later("Sequence")), Number("expected", later("Next")),
    Column("missing", later("Missing")), When("missing_since", later("Noticed")),
]  # fmt: skip
FILES = [
    Column("file_name", later("File"),
           link=lambda row: reverse("usage.batch", args=[row["batch_id"]])),
    Number("sequence", later("Number")), Column("remarks", later("What was noticed")),
    When("at", later("Loaded")),
]  # fmt: skip


class SourceForm(forms.Form):
    """How a source is read."""

    folder = forms.CharField(
        label=later("Folder"), required=False, max_length=1000,
        help_text=later("On the server. The worker loads what comes into it, every minute, and"
                        " moves it to done or failed. Empty: no folder is watched."),
    )  # fmt: skip
    format = forms.ChoiceField(
        label=later("Format"), required=False,
        choices=lambda: [("", _("recognised from the content")),
                         *((name, name) for name in intake.all_names())],
    )  # fmt: skip
    mapping = forms.CharField(
        label=later("Mapping"), required=False, max_length=1000,
        help_text=later("Path of a YAML file on the server: which column is which field."),
    )  # fmt: skip
    settle = forms.IntegerField(
        label=later("Seconds until a file is whole"), min_value=0, max_value=86_400, initial=5,
        help_text=later("A file that has not changed for so long is whole."),
    )  # fmt: skip


class NewSourceForm(SourceForm):
    """A source that has sent nothing yet."""

    code = forms.CharField(label=later("Source"), max_length=200)
    field_order = ("code",)


@page("usage/sources", title=later("Sources"), permission="usage.view", menu="usage", order=15)
def source_list(request: HttpRequest) -> HttpResponse:
    """All sources, with what is missing of each."""
    keys = dict(Source.objects.values_list("code", "pk"))
    rows = [
        {
            "pk": keys[one.code], "code": one.code, "files": one.files, "records": one.records,
            "rejected": one.rejected, "flagged": one.flagged, "last_at": one.last_at,
            "missing": _missing(one),
        }
        for one in sources()
    ]  # fmt: skip
    context = {
        "rows": Rows(SOURCES, rows, caption=_("Sources")),
        "count": written.number(len(rows)),
    }
    return render(request, "usage/sources.html", context)


@page("usage/sources/<int:source>", title=later("Source"), permission="usage.view")
def source(request: HttpRequest, source: int) -> HttpResponse:
    """One source: its sequences with what is missing, its last files, how it is read."""
    one = get_object_or_404(Source, pk=source)
    (told,) = (found for found in sources() if found.code == one.code)
    context = {
        "one": one, "told": told, "facts": _facts(one, told),
        "streams": Rows(STREAMS, [_stream(row) for row in told.streams], caption=_("Sequences")),
        "files": Rows(FILES, _files(one), caption=_("The last files")),
    }  # fmt: skip
    return render(request, "usage/source.html", context)


@page("usage/sources/new", title=later("New source"), permission="usage.sources",
      write="usage.sources")  # fmt: skip
def source_new(request: HttpRequest) -> HttpResponse:
    """Say how files of a new source are read."""
    form = NewSourceForm(request.POST or None)
    return _form(request, form, "", reverse("usage.source_list"), _("Sources"))


@page("usage/sources/<int:source>/edit", title=later("How a source is read"),
      permission="usage.sources", write="usage.sources")  # fmt: skip
def source_edit(request: HttpRequest, source: int) -> HttpResponse:
    """Change how files of a source are read from now on."""
    one = get_object_or_404(Source, pk=source)
    now = {"folder": one.folder, "format": one.format, "mapping": one.mapping,
           "settle": one.settle_seconds}  # fmt: skip
    form = SourceForm(request.POST or None, initial=now)
    return _form(request, form, one.code, reverse("usage.source", args=[one.pk]), one.code)


def _form(
    request: HttpRequest, form: forms.Form, code: str, back: str, back_title: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = set_source(
                code or data["code"], folder=_path(data["folder"]), format=data["format"] or None,
                mapping=_path(data["mapping"]), settle=data["settle"],
            )  # fmt: skip
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("Its files are read so from now on."), "usage.source", made.pk)
    context = {"form": form, "back": back, "back_title": back_title}
    return render(request, "usage/source_form.html", context)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _missing(one: SourceTold) -> str:
    parts = [f"{row.name} {row.missing}".strip() for row in one.streams if row.missing]
    return "; ".join(parts)


def _stream(row: Any) -> dict[str, Any]:
    return {
        "name": row.name or _("its files"), "expected": row.expected, "missing": row.missing,
        "missing_since": row.missing_since,
    }  # fmt: skip


def _files(one: Source) -> list[dict[str, Any]]:
    batches = Batch.objects.filter(source=one.code, corrects=None).order_by("-pk")[:SHOWN]
    told = {row.batch_id: row for row in Delivery.objects.filter(batch__in=[b.pk for b in batches])}
    return [
        {
            "batch_id": batch.pk, "at": batch.committed_at,
            "file_name": file_words(batch.file_name, batch.format) or format_words(batch.format),
            "sequence": told[batch.pk].sequence if batch.pk in told else None,
            "remarks": "; ".join(told[batch.pk].remarks) if batch.pk in told else "",
        }
        for batch in batches
    ]  # fmt: skip


def _facts(one: Source, told: SourceTold) -> list[tuple[str, Any]]:
    return [
        (_("Files"), written.number(told.files)), (_("Records"), written.number(told.records)),
        (_("Rejected"), written.number(told.rejected)),
        (_("Flagged files"), written.number(told.flagged)),
        (_("Watched folder"), one.folder or _("none")),
        (_("Format"), one.format or _("recognised from the content")),
        (_("Mapping"), one.mapping or _("none")),
        (_("Seconds until a file is whole"), one.settle_seconds),
    ]  # fmt: skip
