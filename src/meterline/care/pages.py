"""Questions of customers about their bills, on pages of the console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.care import services
from meterline.care.models import Question
from meterline.invoices.models import Line
from meterline.kernel.errors import MeterlineError
from meterline.web.errors import sentence
from meterline.web.figures import Work, work
from meterline.web.filters import Choice
from meterline.web.page import done, link, page
from meterline.web.rows import Chip, Column, When, Who
from meterline.web.table import Table

COUNTED = 10_000
STATES = {"open": _("open"), "answered": _("answered")}


class StateFilter(Choice):
    """Those that wait for an answer, or those that have one."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        state = self.value(params)
        if state not in STATES:
            return queryset
        return queryset.filter(answered_at__isnull=state == "open")


def _shown(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["state"] = "open" if row["answered_at"] is None else "answered"
        row["short"] = row["text"] if len(row["text"]) <= 80 else f"{row['text'][:79]}…"


QUESTIONS = Table(
    "questions",
    columns=[
        When("asked_at", _("Asked"), sort=True),
        Column("short", _("Question"), link=lambda row: reverse("care.question", args=[row["pk"]])),
        Column("customer__party__name", _("Customer")),
        Column("invoice__number", _("Document")),
        Chip("state", _("State"), labels=STATES, tones={"open": "warning", "answered": "good"}),
        Who("answered_by", _("Answered by"), hidden=True),
    ],
    filters=[StateFilter("state", _("State"), choices=tuple(STATES.items()))],
    order="-asked_at",
    empty=_(
        "Customers ask about a bill, or a line of it, in the portal; their questions appear here."
    ),
    needs=("text", "answered_at"),
    enrich=_shown,
    enriched=frozenset({"state", "short"}),
)


class AnswerForm(forms.Form):
    """An answer to a customer."""

    answer = forms.CharField(
        label=_("Answer"),
        max_length=services.LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("The customer reads it in the portal, beside the bill. It cannot be changed."),
    )


@page("customers/all/questions", title=_("Questions"), permission="care.view", menu="customers",
      order=30)  # fmt: skip
def questions(request: HttpRequest) -> HttpResponse:
    """What customers ask about their bills, the newest first."""
    return QUESTIONS.respond(request, Question.objects.all(), "care/questions.html")


@page("customers/all/questions/<int:question>", title=_("Question"), permission="care.view",
      write="care.edit")  # fmt: skip
def question(request: HttpRequest, question: int) -> HttpResponse:
    """One question, the line that it is about, and its answer."""
    rows = Question.objects.select_related("customer__party", "invoice")
    one = get_object_or_404(rows, pk=question)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.answer(one.pk, form.cleaned_data["answer"])
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The customer can read the answer."), "care.questions")
    line = Line.objects.filter(pk=one.line_id).first() if one.line_id else None
    return render(request, "care/question.html", {"one": one, "line": line, "form": form})


@work("questions", permission="care.view")
def waiting() -> list[Work]:
    """Questions of customers that nobody has answered."""
    count = Question.objects.filter(answered_at=None).order_by()[:COUNTED].count()
    url = link("care.questions", "state=open")
    return [Work(title=_("Questions of customers"), url=url, count=count, tone="busy")]
