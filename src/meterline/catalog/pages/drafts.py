"""The list of drafts; what happens with one stands in authoring."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.catalog.models import Draft
from meterline.web.filters import Choice
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Day, Number, When, Who
from meterline.web.table import Table

STATES = {
    "draft": _("to review"), "approved": _("approved"), "published": _("published"),
    "withdrawn": _("withdrawn"),
}  # fmt: skip
TONES = {"draft": "warning", "approved": "busy", "published": "good"}
DRAFTS = Table(
    "drafts",
    columns=[
        Number("pk", _("Draft"), link=lambda row: reverse("authoring.draft", args=[row["pk"]])),
        Column("name", _("File"), link=lambda row: reverse("authoring.draft", args=[row["pk"]])),
        Chip("state", _("State"), labels=STATES, tones=TONES),
        Column("author", _("Author")),
        Column("note", _("Why")),
        When("created_at", _("Made")),
        Day("effective", _("Holds from")),
        Who("approved_by", _("Approved by"), hidden=True),
    ],
    filters=[Choice("state", _("State"), choices=tuple(STATES.items()))],
    order="-pk",
)


@page("catalog/drafts", title=_("Drafts"), permission="catalog.view", menu="catalog", order=50)
def drafts(request: HttpRequest) -> HttpResponse:
    """All drafts, the newest first."""
    return DRAFTS.respond(request, Draft.objects.all(), "catalog/drafts.html")
