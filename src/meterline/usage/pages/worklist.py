"""The work that rejects are: one group that lacks the same, and mending its cause right there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.kernel.errors import MeterlineError
from meterline.subscriptions import services as subscriptions
from meterline.subscriptions import store
from meterline.subscriptions.models import Identifier
from meterline.usage import waiting, worklist
from meterline.usage.batch_words import File
from meterline.usage.models import Reject
from meterline.usage.record_words import moment
from meterline.usage.reject_words import ADVICE, detail
from meterline.usage.worklist import UNOWNED, Group
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import done, link, page
from meterline.web.rows import Column, Number, Row, Rows, When

_SHOWN = 20
REASONS = {
    "unknown_identifier": later("Nobody has the identifier"),
    "inactive_subscription": later("Nobody had it at that time"),
    "no_price": later("The plan has no price"),
    "unknown_meter": later("Unknown meter"),
    "unknown_destination": later("The rate card has no row"),
    "too_late": later("Came too late"),
    "check": later("A check of the mapping"),
    "malformed": later("Malformed"),
    "invalid_time": later("Invalid time"),
    "invalid_quantity": later("Invalid quantity"),
}


class OwnerForm(forms.Form):
    """Who has an identifier, and since when."""

    subscription = forms.CharField(label=later("Subscription"), max_length=100)
    kind = forms.CharField(
        label=later("Kind"), max_length=50, initial="msisdn",
        help_text=later("Such as msisdn, meter, sim, login."),
    )  # fmt: skip
    since = DayField(label=later("Since"))


class Missing(Column):
    """What a group lacks."""

    def show(self, row: Row) -> Any:
        told = detail(row["missing"], row["reason"])
        link = format_html('<a href="{}">{}</a>', group_url(row), self.value(row))
        return format_html('{}<br><span class="note">{}</span>', link, told)

    def value(self, row: Row) -> Any:
        return REASONS.get(row["reason"], row["reason"])


class Stake(Column):
    """About how much a group would come to."""

    numeric = True

    def value(self, row: Row) -> Any:
        if not row["stake"]:
            return super().value({self.name: None})
        return _amounts(row["stake"])


def _amounts(stake: Sequence[tuple[str, Decimal]]) -> SafeString:
    return format_html_join(" ", "{}", ((written.money(amount, code),) for code, amount in stake))


def group_url(row: Row) -> str:
    """The page of a group."""
    query = urlencode({"reason": row["reason"], "missing": row["missing"]})
    return f"{reverse('usage.reject_group')}?{query}"


def work() -> Rows:
    """The groups of open rejects with most at stake, as a table."""
    columns = [
        Missing("missing", _("What is missing")),
        Column("meter", _("Meter")), Number("count", _("Open")), Stake("stake", _("About")),
        Column("estimated", _("Estimated")), When("first_at", _("First seen")),
        When("last_at", _("Last seen")),
    ]  # fmt: skip
    rows = [{**vars(one), "estimated": how(one)} for one in worklist.groups()[:_SHOWN]]
    return Rows(columns, rows, caption=_("Open, by what is missing"))


def how(one: Group) -> str:
    """How the money at stake is estimated."""
    match one.how:
        case "plan":
            return _("as if on plan %(plan)s") % {"plan": one.plan}
        case "average":
            return _("by the average record")
        case _:
            return ""


@page(
    "usage/rejects/group", title=later("Rejects that lack the same"), permission="usage.view",
    write="subscriptions.edit",
)  # fmt: skip
def reject_group(request: HttpRequest) -> HttpResponse:
    """What a group lacks, what it would come to, a sample; its cause is mended here."""
    reason, missing = request.GET.get("reason", ""), request.GET.get("missing", "")
    one = worklist.group(reason, missing)
    unowned = reason in UNOWNED and one is not None and _is_identifier(one)
    form = OwnerForm(request.POST or None) if unowned else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            return _given_owner(request, missing, form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    context = {
        "group": one, "reason": REASONS.get(reason, reason), "missing": missing, "form": form,
        "how": "" if one is None else how(one), "facts": [] if one is None else _facts(one),
        "sample": _sample(reason, missing), "causes": _causes(reason),
        "holders": _holders(missing) if unowned else None, "code": reason,
        "told": detail(missing, reason), "advice": ADVICE.get(reason, ""),
    }  # fmt: skip
    return render(request, "usage/reject_group.html", context)


def _is_identifier(one: Group) -> bool:
    record = Reject.objects.values_list("record", flat=True).get(pk=one.sample)
    return bool(record.get("identifier") == one.missing and not record.get("subscription"))


def _given_owner(request: HttpRequest, value: str, data: dict[str, Any]) -> HttpResponse:
    """Give the identifier an owner; what was waiting for it is tried again at once."""
    subscriptions.add_identifier(
        data["subscription"], data["kind"], value, _midnight(data["subscription"], data["since"])
    )
    made = waiting.recycle_owned()
    if made is None:
        words = _("%(value)s belongs to %(code)s now; no record falls into that time.")
        told = words % {"value": value, "code": data["subscription"]}
        return done(request, told, "usage.rejects")
    words = _("%(value)s belongs to %(code)s now, and %(count)s records are rated.")
    told = words % {"value": value, "code": data["subscription"],
                    "count": written.number(made.rated)}  # fmt: skip
    return done(request, told, "usage.batch", made.pk)


def _midnight(code: str, day: date) -> datetime:
    """The beginning of a day where a subscription is."""
    zone = ZoneInfo(store.find(code).account.timezone)
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _facts(one: Group) -> list[tuple[str, Any]]:
    return [
        (_("Open"), written.number(one.count)), (_("Meter"), one.meter or None),
        (_("About"), _amounts(one.stake) or None), (_("Estimated"), how(one) or None),
        (_("First seen"), written.moment(one.first_at)),
        (_("Last seen"), written.moment(one.last_at)),
    ]  # fmt: skip


def _sample(reason: str, missing: str) -> Rows:
    names = ("pk", "file_name", "line", "detail", "record", "batch_id")
    rows = Reject.objects.filter(pk__in=worklist.ids_of(reason, missing)[:_SHOWN]).order_by("-pk")
    columns = [
        Column("pk", _("Reject"), link=lambda row: reverse("usage.reject", args=[row["pk"]])),
        Column("start", _("Start")), File("file_name", _("File")), Number("line", _("Line")),
        Column("batch_id", _("Batch"),
               link=lambda row: reverse("usage.batch", args=[row["batch_id"]])),
    ]  # fmt: skip
    shown = [{**row, "start": moment(row["record"].get("start") or "")}
             for row in rows.values(*names)]  # fmt: skip
    return Rows(columns, shown, caption=_("The newest of them"))


def _holders(value: str) -> Rows:
    """Who has or had an identifier."""
    rows = Identifier.objects.filter(value=value).order_by("start_at")
    columns = [Column("code", _("Subscription")), When("start_at", _("From")),
               When("end_at", _("Until"))]  # fmt: skip
    found = rows.values("start_at", "end_at", code=F("subscription__code"))
    return Rows(columns, list(found), caption=_("Who has or had it"))


def _causes(reason: str) -> list[tuple[str, str]]:
    """Where the cause is mended: words and URLs."""
    where = {
        "unknown_identifier": [(_("Subscriptions"), link("subscriptions.subscriptions"))],
        "inactive_subscription": [(_("Subscriptions"), link("subscriptions.subscriptions"))],
        "no_price": [(_("Plans"), link("catalog.plans")),
                     (_("Drafts of the catalogue"), link("catalog.drafts"))],
        "unknown_meter": [(_("Meters"), link("catalog.meters"))],
        "unknown_destination": [(_("Rate cards"), link("catalog.cards"))],
        "check": [(_("Sources and their mappings"), link("usage.source_list"))],
    }  # fmt: skip
    return where.get(reason, [])
