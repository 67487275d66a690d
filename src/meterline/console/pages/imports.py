"""Importing CSV files: give one, see what it would make and what is refused, then import it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from meterline.access.gate import allowed
from meterline.console import imports
from meterline.console.imports import KINDS, PAYMENTS
from meterline.console.jobs import carry_out_import, check_import
from meterline.console.models import Import
from meterline.platform import audit
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Chip, Column, Number, Row, Rows, When, Who, Word
from meterline.web.table import Table

STATES = {
    "checking": _("being checked"), "checked": _("checked"), "importing": _("being imported"),
    "done": _("imported"), "failed": _("failed"),
}  # fmt: skip
TONES = {"checking": "busy", "importing": "busy", "checked": "warning", "done": "good",
         "failed": "bad"}  # fmt: skip
TITLES = {code: kind.title for code, kind in KINDS.items()}
WORKING = ("checking", "importing")


def _link(row: Row) -> str:
    return reverse("console.import_file", args=[row["pk"]])


IMPORTS = Table(
    "imports",
    columns=[
        Column("file_name", _("File"), link=_link), Word("kind", _("Holds"), labels=TITLES),
        Number("rows", _("Rows")), Number("good", _("Good")), Number("refused", _("Refused")),
        Chip("state", _("State"), labels=STATES, tones=TONES),
        Who("asked_by", _("Given by")), When("asked_at", _("When")),
    ],
    order="-pk",
    empty=_("Files of customers, accounts and contracts: each is checked, then imported."),
)  # fmt: skip


class ImportForm(forms.Form):
    """A file, and what it holds."""

    file = forms.FileField(label=_("CSV file"), help_text=_("UTF-8, with a header."))

    def __init__(self, kinds: list[str], *data: Any) -> None:
        super().__init__(*data)
        if len(kinds) > 1:
            choices = [(code, TITLES[code]) for code in kinds]
            self.fields["kind"] = forms.ChoiceField(label=_("It holds"), choices=choices)
            self.order_fields(["kind", "file"])


@page("settings/imports", title=_("Imports"), permission="settings.view", menu="settings", order=60)
def imported(request: HttpRequest) -> HttpResponse:
    """The files that were given, the newest first."""
    context = {"may_import": bool(_kinds(request))}
    return IMPORTS.respond(request, Import.objects.all(), "console/imports.html", **context)


@page("settings/imports/new", title=_("Import a file"), permission="home.view", write="home.view")
def import_new(request: HttpRequest) -> HttpResponse:
    """Give a file of customers, accounts, subscriptions, numbers or sellers."""
    back, title = "console.home", _("Home")
    if allowed(request, "settings.view"):
        back, title = "console.imported", _("Imports")
    return _give(request, _kinds(request), reverse(back), title)


@page("money/statement", title=_("Bank statements"), permission="payments.record",
      write="payments.record", menu="money", order=15)  # fmt: skip
def statement(request: HttpRequest) -> HttpResponse:
    """Give a file of payments that came in at the bank."""
    return _give(request, [PAYMENTS], reverse("payments.payments"), _("Payments"))


@page("settings/imports/<int:file>", title=_("Imported file"), permission="home.view")
def import_file(request: HttpRequest, file: int) -> HttpResponse:
    """A file: how far it is, what it would make, what is refused."""
    one = _seen(request, file)
    context = _progress(one) | {
        "state": STATES[one.state], "tone": TONES[one.state], "title": TITLES[one.kind],
        "refused": imports.rejects(one) is not None, "mine": one.kind in _kinds(request),
    }  # fmt: skip
    return render(request, "console/import.html", context)


@fragment("settings/imports/<int:file>/progress", permission="home.view")
def import_progress(request: HttpRequest, file: int) -> HttpResponseBase:
    """Whether the file is through."""
    one = _seen(request, file)
    return follow(request, lambda: _far(Import.objects.get(pk=one.pk)))


def _far(one: Import) -> Progress:
    return Progress(done=0, total=max(one.rows, 1), label=_("Rows"), over=one.state not in WORKING)


@fragment("settings/imports/<int:file>/refused", permission="home.view")
def import_refused(request: HttpRequest, file: int) -> HttpResponse:
    """The refused rows as a file, each with its line and reason, to be mended and given again."""
    path = imports.rejects(_seen(request, file))
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename="refused.csv")


@act("settings/imports/<int:file>/carry-out", permission="home.view")
def import_carry_out(request: HttpRequest, file: int) -> HttpResponse:
    """Import the good rows, after their number was seen."""
    one = _one(request, file)
    if not confirmed(request):
        verb = __("Import %(count)s rows") % {"count": written.number(one.good)}
        effects = [
            (_("File"), one.file_name), (_("It holds"), TITLES[one.kind]),
            (_("Rows"), written.number(one.rows)), (_("Imported"), written.number(one.good)),
            (_("Refused"), written.number(one.refused)),
        ]  # fmt: skip
        note = _("Rows are checked again when they are imported. All good ones are made, or none.")
        return confirm(request, _("Import a file"), verb=verb, effects=effects, note=note,
                       back=reverse("console.import_file", args=[one.pk]))  # fmt: skip
    with transaction.atomic():
        imports.release(one.pk)
        carry_out_import.defer(file=one.pk, actor=audit.actor())
    return done(request, _("The rows are being imported."), "console.import_file", one.pk)


@act("settings/imports/<int:file>/drop", permission="home.view")
def import_drop(request: HttpRequest, file: int) -> HttpResponse:
    """Give a file up; nothing was made of it."""
    imports.drop(_one(request, file).pk)
    return done(request, _("The file is given up; nothing was imported."), "console.home")


def _give(request: HttpRequest, kinds: list[str], back: str, back_title: Any) -> HttpResponse:
    form = ImportForm(kinds, request.POST or None, request.FILES or None)
    if request.method == "POST" and kinds and form.is_valid():
        given = form.cleaned_data["file"]
        with transaction.atomic():
            made = imports.keep(form.cleaned_data.get("kind", kinds[0]), given.name, given.chunks())
            check_import.defer(file=made.pk)
        return done(request, _("The rows are being checked."), "console.import_file", made.pk)
    rows = [{"kind": str(TITLES[code]), **_columns(code)} for code in kinds]
    columns = [Column("kind", _("It holds")), Column("required", _("Columns")),
               Column("optional", _("Columns that may be left out"))]  # fmt: skip
    context = {"form": form, "back": back, "back_title": back_title, "kinds": kinds,
               "columns": Rows(columns, rows, caption=_("Columns of files"))}  # fmt: skip
    return render(request, "console/import_new.html", context)


def _columns(code: str) -> dict[str, str]:
    columns = KINDS[code].columns
    return {"required": ", ".join(columns.required), "optional": ", ".join(columns.optional)}


def _kinds(request: HttpRequest) -> list[str]:
    """What whoever is signed in may import."""
    return [code for code, kind in KINDS.items() if allowed(request, kind.permission)]


def _one(request: HttpRequest, file: int) -> Import:
    """A file of a kind that whoever is signed in may import."""
    return get_object_or_404(Import, pk=file, kind__in=_kinds(request))


def _seen(request: HttpRequest, file: int) -> Import:
    """A file that whoever is signed in may import, or sees in the list of all."""
    if allowed(request, "settings.view"):
        return get_object_or_404(Import, pk=file)
    return _one(request, file)


def _progress(one: Import) -> dict[str, Any]:
    return {
        "one": one, "working": one.state in WORKING, "total": max(one.rows, 1),
        "url": reverse("console.import_progress", args=[one.pk]),
    }  # fmt: skip
