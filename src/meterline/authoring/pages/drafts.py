"""Drafts: made from files, reviewed, approved by somebody else, published from a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from meterline.authoring.jobs import last_failed, review_draft, reviewing
from meterline.authoring.pages.what_ifs import MONTHS
from meterline.authoring.pages.what_ifs import STATES as WHAT_IF_STATES
from meterline.authoring.pages.what_ifs import TONES as WHAT_IF_TONES
from meterline.authoring.trial import affects, review
from meterline.authoring.upload import keep
from meterline.catalog import drafts, services
from meterline.catalog.files import CatalogFile
from meterline.catalog.models import Draft
from meterline.catalog.pages.drafts import STATES, TONES
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField, SeveralFiles
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Chip, Column, Number, Row, Rows

KINDS = {
    "plan": _("Plan"), "meter": _("Meter"), "calendar": _("Calendar"), "rate_card": _("Rate card"),
    "tax": _("Tax"), "discount": _("Discount"), "promotion": _("Promotion code"),
}  # fmt: skip


MANY = 1_000
"""Up to so many subscriptions are counted for each plan of a draft that is looked at."""


class DraftForm(forms.Form):
    """The files of a draft, and why."""

    catalogue = forms.FileField(
        label=_("Catalogue file"), help_text=_("YAML; what it leaves out stays as it is.")
    )
    scenarios = SeveralFiles(
        label=_("Scenario files"), required=False,
        help_text=_("What must be billed under it; they are played before it can be approved."),
    )  # fmt: skip
    others = SeveralFiles(
        label=_("Decks and usage files"), required=False,
        help_text=_("CSV files that the catalogue or the scenarios name."),
    )  # fmt: skip
    note = forms.CharField(
        label=_("Why"), required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For those who review it."),
    )  # fmt: skip


class ApproveForm(forms.Form):
    """From when a draft is to hold."""

    effective = DayField(
        label=_("Holds from"),
        help_text=_("Plans and rate cards; a plan that names a day of its own holds from then."),
    )


@page("catalog/drafts/new", title=_("New draft"), permission="catalog.edit", write="catalog.edit")
def draft_new(request: HttpRequest) -> HttpResponse:
    """A form for files; every fault of them is told with file, line and field."""
    form = DraftForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = keep(given["catalogue"], given["scenarios"], given["others"], note=given["note"])
        except MeterlineError as error:
            for text in sentence(error).splitlines():
                form.add_error("catalogue", text)
        else:
            return done(request, _("The draft is made. Review it next."), "authoring.draft",
                        made.pk)  # fmt: skip
    return render(request, "authoring/draft_new.html", {"form": form})


@page("catalog/drafts/<int:draft>", title=_("Draft"), permission="catalog.view")
def draft(request: HttpRequest, draft: int) -> HttpResponse:
    """One draft: what it changes, whom it affects, how its scenarios ended, and what is next."""
    one = _get(draft)
    is_open = one.state in ("draft", "approved")
    changes, affected = _looked_at(one) if is_open else ([], None)
    trial = one.trials.order_by("-id").first()
    scenarios = one.files.filter(scenario=True).count()
    own = audit.actor() in drafts.authors(one) and services.rules().four_eyes
    context = {
        "one": one, "state": STATES[one.state], "tone": TONES.get(one.state, "neutral"),
        "facts": _facts(one), "is_open": is_open, "own": own,
        "changes": [_told(change) for change in changes if not change.unchanged],
        "unchanged": sum(change.unchanged for change in changes),
        "affected": affected,
        "successor": Draft.objects.filter(replaces=one).values_list("pk", flat=True).first(),
        "what_ifs": _what_ifs(one), "trial": trial,
        "outcomes": _outcomes(trial.outcomes) if trial else None,
        "scenarios": scenarios, "playing": reviewing(one.pk), "broke_off": last_failed(one.pk),
        "far": _playing(one.pk),
        "form": ApproveForm(initial={"effective": clock.now().date()}),
        "files": Rows([Column("path", _("File")), Column("what", _("What it is"))], [
            {"path": path, "what": _t("scenario") if is_scenario else (
                _t("catalogue") if path == one.name else _t("needed by the others"))}
            for path, is_scenario in one.files.order_by("id").values_list("path", "scenario")
        ], caption=_("Files")),
    }  # fmt: skip
    return render(request, "authoring/draft.html", context)


def _get(draft: int) -> Draft:
    found = Draft.objects.filter(pk=draft).first()
    if found is None:
        raise Http404
    return found


def _changes(one: Draft, effective: date | None) -> list[services.Change]:
    with drafts.opened(one) as (catalogue, _scenarios):
        return services.diff(catalogue, effective=effective)


def _told(change: services.Change) -> dict[str, Any]:
    held = services.holders(change, MANY + 1)
    return {
        "title": f"{KINDS[change.kind]} {change.code}", "version": change.version,
        "new": change.before is None,
        "since": None if change.effective == date.min else change.effective,
        "rows": [(one.field, one.before, one.after) for one in change.differences()][:200],
        "held": held and _fate(held.existing, held.count, exact=False),
    }  # fmt: skip


def _fate(existing: str, count: int, *, exact: bool) -> str:
    words = {
        "keep": ngettext("%(count)s subscription keeps the version that it has.",
                         "%(count)s subscriptions keep the version that they have.", count),
        "move": ngettext("%(count)s subscription moves to it then.",
                         "%(count)s subscriptions move to it then.", count),
        "move_at_renewal": ngettext("%(count)s subscription moves to it at its renewal.",
                                    "%(count)s subscriptions move to it at their renewal.", count),
    }  # fmt: skip
    return words[existing] % {"count": written.number(count) if exact else _many(count)}


def _many(count: int) -> str:
    return f"{written.number(MANY)}+" if count > MANY else written.number(count)


def _looked_at(one: Draft) -> tuple[list[services.Change], Rows]:
    """What an open draft changes, and the plans that are affected."""
    with drafts.opened(one) as (catalogue, _scenarios):
        changes = services.diff(catalogue, effective=one.effective)
        return changes, _affected(catalogue, changes if one.effective is None else None)


class _Many(Number):
    """A number that is counted up to MANY."""

    def value(self, row: Row) -> Any:
        return _many(row[self.name])


def _what_ifs(one: Draft) -> Rows:
    columns = [
        Column("name", _("Against"), link=lambda row: reverse("authoring.what_if",
                                                              args=[row["pk"]])),
        Chip("state", _("State"), labels=WHAT_IF_STATES, tones=WHAT_IF_TONES),
    ]  # fmt: skip
    rows = [
        {"pk": each.pk, "name": MONTHS.get(each.months, each.months), "state": each.state}
        for each in one.what_ifs.order_by("-pk")[:10]
    ]
    return Rows(columns, rows, caption=_("What-if"))


def _affected(catalogue: CatalogFile, changes: list[services.Change] | None) -> Rows:
    columns = [
        Column("plan", _("Plan"), link=lambda row: row["url"]), Column("why", _("Why")),
        _Many("count", _("Subscriptions")),
    ]  # fmt: skip
    reasons, counts = affects(catalogue, MANY + 1, changes)
    rows = [
        {"plan": plan, "why": ", ".join(why), "count": counts.get(plan, 0),
         "url": reverse("catalog.plan", args=[plan])}
        for plan, why in sorted(reasons.items())
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Plans that are affected"))


def _outcomes(outcomes: Sequence[dict[str, Any]]) -> Rows:
    columns = [
        Chip("state", _("Result"), labels={"holds": _("holds"), "fails": _("fails")},
             tones={"holds": "good", "fails": "bad"}),
        Column("scenario", _("Scenario")), Column("file", _("File")),
        Column("told", _("What differs")),
    ]  # fmt: skip
    rows = [
        {**one, "state": "holds" if one["passed"] else "fails",
         "told": "; ".join(one["differences"])}
        for one in outcomes
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Scenarios"))


def _facts(one: Draft) -> list[tuple[Any, Any]]:
    given = [
        (_("Author"), one.author.removeprefix("user:")),
        (_("Made"), written.moment(one.created_at)),
        (_("Why"), one.note), (_("Digest"), one.digest[:12]),
        (_("Holds from"), one.effective and written.day(one.effective)),
        (_("Approved by"), one.approved_by and written.who(one.approved_by)),
        (_("Approved"), one.approved_at and written.moment(one.approved_at)),
        (_("Replaces"), one.replaces_id and _draft_link(one.replaces_id)),
    ]  # fmt: skip
    return [(term, value) for term, value in given if value]


def _draft_link(draft: int) -> str:
    url = reverse("authoring.draft", args=[draft])
    return format_html('<a href="{}">{}</a>', url, _t("draft %(draft)s") % {"draft": draft})


@act("catalog/drafts/<int:draft>/review", permission="catalog.edit")
def draft_review(request: HttpRequest, draft: int) -> HttpResponse:
    """Note that it was looked at; its scenarios are played by a job."""
    one = _get(draft)
    if not one.files.filter(scenario=True).exists():
        review(one)
        return done(request, _("Reviewed. It has no scenarios."), "authoring.draft", draft)
    drafts.check_open(one)
    if reviewing(draft) is None:
        review_draft.defer(draft_id=draft, actor=audit.actor())
    return done(request, _("The scenarios are being played."), "authoring.draft", draft)


@fragment("catalog/drafts/<int:draft>/progress", permission="catalog.view")
def draft_progress(request: HttpRequest, draft: int) -> HttpResponseBase:
    """How far the scenarios are."""
    _get(draft)
    return follow(request, lambda: _playing(draft))


def _playing(draft: int) -> Progress:
    count = Draft.objects.get(pk=draft).files.filter(scenario=True).count()
    words = ngettext("Playing %(count)s scenario file on a scratch database",
                     "Playing %(count)s scenario files on a scratch database", count)  # fmt: skip
    return Progress(done=0, total=count, label=words % {"count": count},
                    over=reviewing(draft) is None)  # fmt: skip


@act("catalog/drafts/<int:draft>/approve", permission="catalog.publish")
def draft_approve(request: HttpRequest, draft: int) -> HttpResponse:
    """Let it be published from a day; not by its author, unless the rules say so."""
    one = _get(draft)
    form = ApproveForm(request.POST)
    if not form.is_valid():
        return done(request, _("Say from when it holds."), "authoring.draft", draft)
    day = form.cleaned_data["effective"]
    if not confirmed(request):
        changed = [change for change in _changes(one, day) if not change.unchanged]
        return confirm(
            request, _t("Approve draft %(draft)s") % {"draft": draft},
            verb=_t("Approve %(count)s changes from %(day)s")
            % {"count": len(changed), "day": written.day(day)},
            effects=_effects(changed), back=reverse("authoring.draft", args=[draft]),
            note=_t("Nothing is published yet."),
        )  # fmt: skip
    drafts.approve(one, effective=day)
    return done(request, _("Approved. It can be published now."), "authoring.draft", draft)


def _effects(changed: list[services.Change]) -> list[tuple[Any, str]]:
    effects = [(f"{KINDS[one.kind]} {one.code}", _version(one)) for one in changed]
    for one in changed:
        held = services.holders(one)
        if held is not None and held.count:
            effects.append((_t("Who has %(plan)s") % {"plan": one.code},
                            _fate(held.existing, held.count, exact=True)))  # fmt: skip
    return effects


def _version(change: services.Change) -> str:
    text = _t("version %(version)s") % {"version": change.version}
    if change.effective == date.min:
        return text
    return f"{text}, {_t('from %(day)s') % {'day': written.day(change.effective)}}"


@act("catalog/drafts/<int:draft>/publish", permission="catalog.publish")
def draft_publish(request: HttpRequest, draft: int) -> HttpResponse:
    """Publish what was approved, from the day that was approved."""
    one = _get(draft)
    if not confirmed(request):
        changed = [change for change in _changes(one, one.effective) if not change.unchanged]
        return confirm(
            request, _t("Publish draft %(draft)s") % {"draft": draft},
            verb=_t("Publish %(count)s changes") % {"count": len(changed)},
            effects=_effects(changed), back=reverse("authoring.draft", args=[draft]),
            note=_t("A published version never changes; to take it back, publish another one."),
        )  # fmt: skip
    applied = drafts.publish(one)
    made = sum(map(len, applied.made.values()))
    words = _t("Published: %(made)s new versions. To take one back, draft the version before.")
    return done(request, words % {"made": made}, "authoring.draft", draft)


@act("catalog/drafts/<int:draft>/withdraw", permission="catalog.edit")
def draft_withdraw(request: HttpRequest, draft: int) -> HttpResponse:
    """Give it up; it stays on record."""
    one = _get(draft)
    if not confirmed(request):
        return confirm(
            request, _t("Withdraw draft %(draft)s") % {"draft": draft}, verb=_t("Withdraw it"),
            effects=[(_t("File"), one.name), (_t("State"), STATES[one.state])], danger=True,
            note=_t("It stays on record. Nothing in force changes."),
            back=reverse("authoring.draft", args=[draft]),
        )  # fmt: skip
    drafts.withdraw(one)
    return done(request, _("The draft is withdrawn."), "catalog.drafts")
