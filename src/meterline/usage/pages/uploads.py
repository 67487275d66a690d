"""Usage files given to a page: tried first if one likes, loaded in the background."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.platform import audit
from meterline.usage import intake, uploads
from meterline.usage.jobs import load_upload
from meterline.usage.models import Upload
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Column, Number, Rows

UPLOADS = {
    "waiting": later("waiting"), "loading": later("loading"), "tried": later("tried"),
    "loaded": later("loaded"), "failed": later("failed"),
}  # fmt: skip
UPLOAD_TONES = {"waiting": "neutral", "loading": "busy", "tried": "warning", "loaded": "good",
                "failed": "bad"}  # fmt: skip
WORKING = ("waiting", "loading")
TOTALS = [
    Column("plan", later("Plan")), Column("price", later("Price")),
    Number("events", later("Records")), Number("quantity", later("Quantity")),
    Number("amount", later("Rated at")),
]  # fmt: skip


class LoadForm(forms.Form):
    """A file, and how it is to be read."""

    file = forms.FileField(label=later("Usage file"))
    format = forms.ChoiceField(
        label=later("Format"), required=False,
        choices=lambda: [("", _("recognised from the content")),
                         *((name, name) for name in intake.all_names())],
    )  # fmt: skip
    mapping = forms.FileField(
        label=later("Mapping"), required=False,
        help_text=later("YAML that says which column is which field, for files of other systems."),
    )  # fmt: skip
    source = forms.CharField(
        label=later("Source"), required=False, max_length=200,
        help_text=later("Where it comes from; part of ids that records do not bring themselves."),
    )  # fmt: skip


@page("usage/load", title=later("Load usage"), permission="usage.load", write="usage.load")
def load(request: HttpRequest) -> HttpResponse:
    """Give a file; it is loaded, or only tried, in the background."""
    form = LoadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given, mapping = form.cleaned_data["file"], form.cleaned_data["mapping"]
        with transaction.atomic():
            one = uploads.keep(
                given.name, given.chunks(), mapping=mapping.read() if mapping else None,
                format=form.cleaned_data["format"], source=form.cleaned_data["source"],
                trial="trial" in request.POST,
            )  # fmt: skip
            load_upload.defer(upload=one.pk, actor=audit.actor())
        words = _("The file is being tried.") if one.trial else _("The file is being loaded.")
        return done(request, words, "usage.upload", one.pk)
    return render(request, "usage/load.html", {"form": form})


@page("usage/uploads/<int:upload>", title=later("File on its way"), permission="usage.view")
def upload(request: HttpRequest, upload: int) -> HttpResponse:
    """How far a file is, and what came of it."""
    one = get_object_or_404(Upload.objects.select_related("batch"), pk=upload)
    context = _progress(one) | {"state": UPLOADS[one.state], "tone": UPLOAD_TONES[one.state]}
    if one.figures is not None and one.state == "tried":
        context |= {"totals": _totals(one.figures), "refused": uploads.refused(one) is not None}
    return render(request, "usage/upload.html", context)


@act("usage/uploads/<int:upload>/load", permission="usage.load")
def upload_load(request: HttpRequest, upload: int) -> HttpResponse:
    """Load a file that was tried."""
    get_object_or_404(Upload, pk=upload)
    with transaction.atomic():
        uploads.release(upload)
        load_upload.defer(upload=upload, actor=audit.actor())
    return done(request, _("The file is being loaded."), "usage.upload", upload)


@act("usage/uploads/<int:upload>/drop", permission="usage.load")
def upload_drop(request: HttpRequest, upload: int) -> HttpResponse:
    """Give a file up that was tried."""
    get_object_or_404(Upload, pk=upload)
    uploads.drop(upload)
    return done(request, _("The file is given up; nothing was loaded."), "usage.batches")


@fragment("usage/uploads/<int:upload>/refused", permission="lists.export")
def upload_refused(request: HttpRequest, upload: int) -> HttpResponse:
    """What a trial refused, as a file, each record with its line and reason."""
    one = get_object_or_404(Upload, pk=upload)
    path = uploads.refused(one)
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename="rejects.csv")


@fragment("usage/uploads/<int:upload>/progress", permission="usage.view")
def upload_progress(request: HttpRequest, upload: int) -> HttpResponseBase:
    """How far a file is."""
    get_object_or_404(Upload, pk=upload)
    return follow(request, lambda: _far(Upload.objects.get(pk=upload)))


def _far(one: Upload) -> Progress:
    shown = _progress(one)
    return Progress(done=shown["done"], total=shown["total"], label=shown["label"],
                    over=not shown["working"])  # fmt: skip


def _progress(one: Upload) -> dict[str, Any]:
    working = one.state in WORKING
    so_far = uploads.loaded(one)
    return {
        "upload": one, "working": working, "done": so_far, "total": max(one.lines, so_far + 1),
        "url": reverse("usage.upload_progress", args=[one.pk]),
        "label": _("Records, of lines in the file"),
    }  # fmt: skip


def _totals(figures: dict[str, Any]) -> Rows:
    rows = [
        {**row, "quantity": Decimal(row["quantity"]), "amount": Decimal(row["amount"])}
        for row in figures["totals"]
    ]
    return Rows(TOTALS, rows, caption=_("Totals by price"))
