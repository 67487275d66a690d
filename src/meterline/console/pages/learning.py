"""Learning the product: offers that are put away, and feedback from any page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access.permissions import SIGNED_IN
from meterline.web import learning
from meterline.web.figures import Work, work
from meterline.web.filters import Choice, Days
from meterline.web.models import Feedback
from meterline.web.page import act, done, fragment, link, page
from meterline.web.rows import Chip, Column, When, Who
from meterline.web.shell import surface_of
from meterline.web.table import COUNTED, Table

STATES = {"new": _("new"), "in_hand": _("in hand"), "done": _("done")}
TONES = {"new": "warning", "in_hand": "busy", "done": "good"}
SAID = {
    "checklist": _("The first steps stand in the help."),
    "tour": _("The tour waits in the help."),
}
FEEDBACK = Table(
    "feedback",
    columns=[
        Column("text", _("What"), link=lambda row: reverse("console.feedback", args=[row["pk"]])),
        Column("page", _("Page")),
        Who("given_by", _("From whom")),
        When("given_at", _("When")),
        Chip("state", _("State"), labels=STATES, tones=TONES),
    ],
    filters=[Choice("state", _("State"), choices=tuple(STATES.items())),
             Days("given_at", _("When"))],
    order="-pk",
    empty=_("What users say of a page by its Feedback button appears here."),
)  # fmt: skip


class FeedbackForm(forms.Form):
    """What somebody says, and maybe a picture."""

    text = forms.CharField(max_length=4000)
    page = forms.CharField(max_length=500, required=False)
    picture = forms.FileField(required=False)
    consent = forms.BooleanField(required=False)


class SettleForm(forms.Form):
    """What became of it."""

    state = forms.ChoiceField(label=_("State"), choices=tuple(STATES.items()))
    note = forms.CharField(
        label=_("What became of it"), required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip


@act("put-away/<slug:what>", permission=SIGNED_IN)
def put_away(request: HttpRequest, what: str) -> HttpResponse:
    """Offer the checklist, or the tour, no more."""
    if what not in learning.OFFERS:
        raise Http404
    learning.put_away(request, what)
    if request.POST.get("quiet"):
        return HttpResponse(status=204)
    return done(request, SAID[what], f"{surface_of(request, None)}.home")


@act("feedback/give", permission=SIGNED_IN)
def feedback_give(request: HttpRequest) -> HttpResponse:
    """Keep what somebody says of a page."""
    form = FeedbackForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Http404
    given = form.cleaned_data
    picture = given["picture"].read() if given["picture"] else None
    learning.give(page=given["page"], text=given["text"], picture=picture, consent=given["consent"])
    back = given["page"] if given["page"].startswith("/") and given["page"][1:2] != "/" else "/"
    return done(request, _("Thank you. Somebody will read it."), back)


@page("settings/feedback", title=_("Feedback"), permission="feedback.manage", menu="settings",
      order=80)  # fmt: skip
def feedback_list(request: HttpRequest) -> HttpResponse:
    """What users say, the newest first."""
    return FEEDBACK.respond(
        request, Feedback.objects.defer("picture"), "console/feedback_list.html"
    )


@page("settings/feedback/<int:feedback>", title=_("Feedback"), permission="feedback.manage",
      write="feedback.manage")  # fmt: skip
def feedback(request: HttpRequest, feedback: int) -> HttpResponse:
    """What somebody said of a page, with its picture, and what became of it."""
    one = get_object_or_404(Feedback.objects.defer("picture"), pk=feedback)
    form = SettleForm(request.POST or None, initial={"state": one.state, "note": one.note})
    if request.method == "POST" and form.is_valid():
        learning.settle(one, form.cleaned_data["state"], form.cleaned_data["note"])
        return done(request, _("Noted."), "console.feedback_list")
    context: dict[str, Any] = {
        "one": one, "form": form, "state": STATES[one.state], "tone": TONES[one.state],
    }  # fmt: skip
    return render(request, "console/feedback.html", context)


@fragment("settings/feedback/<int:feedback>/picture", permission="feedback.manage")
def feedback_picture(request: HttpRequest, feedback: int) -> HttpResponse:
    """The picture that came with it."""
    one = get_object_or_404(Feedback, pk=feedback, picture__isnull=False)
    return HttpResponse(bytes(one.picture), content_type=one.picture_type)


@work("feedback", permission="feedback.manage")
def waiting() -> list[Work]:
    """Feedback that nobody has taken in hand."""
    count = Feedback.objects.filter(state="new").order_by()[:COUNTED].count()
    url = link("console.feedback_list", "state=new")
    return [Work(title=_("Feedback to read"), url=url, count=count, tone="busy")]
