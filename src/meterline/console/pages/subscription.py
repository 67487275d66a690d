"""One subscription: what it is, what was and will be, and every change of it with its effect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.billing.services import preview
from meterline.billing.trial import attempt, next_day
from meterline.catalog.models import PlanVersion
from meterline.catalog.reading import discounts as known_discounts
from meterline.console import contract_change, contract_forms, next_invoice, story
from meterline.console.contract_forms import ACTS, ContractAct
from meterline.customers.lookup import account_by_code
from meterline.customers.models import Account
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.subscriptions import discounts, identifiers, services, store
from meterline.subscriptions.models import Identifier, Subscription
from meterline.subscriptions.overview import now_of
from meterline.subscriptions.pages import STATES, TONES
from meterline.subscriptions.store import Held
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField, LookupField
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Chip, Column, Number, Rows

PHASES = [
    Column("from", _("From")), Column("to", _("To")), Column("plan", _("Plan")),
    Number("quantity", _("Quantity")),
    Chip("state", _("State"), labels=STATES, tones=TONES),
]  # fmt: skip


@page("sales/subscriptions/<int:subscription>", title=_("Subscription"),
      permission="subscriptions.view")  # fmt: skip
def subscription(request: HttpRequest, subscription: int) -> HttpResponse:
    """A contract: its phases, what is still to come, its history, numbers, add-ons, discounts."""
    row = get_object_or_404(Subscription, pk=subscription)
    held = store.load(row.pk)
    now = now_of([row.pk], clock.now())[row.pk]
    account = held.subscription.account
    holder = discounts.holder(subscription=row.pk)
    context = {
        "one": held.subscription, "now": now, "state": STATES[now["state_now"]],
        "tone": TONES.get(now["state_now"], "neutral"), "customer": account.customer,
        "phases": Rows(PHASES, _phases(held), caption=_("Phases")),
        "waiting": [contract_change.waiting(held, one) for one in services.scheduled(held)],
        "log": story.of_subscription(held),
        "numbers": _numbers(held),
        "addons": store.addons(held),
        "discounts": discounts.listing(holder),
        "acts": _possible(held, now["state_now"]),
        "began": held.subscription.started_at.astimezone(held.zone).date(),
    }  # fmt: skip
    return render(request, "console/subscription.html", context)


@fragment("sales/next/<int:subscription>", permission="subscriptions.view")
def subscription_next(request: HttpRequest, subscription: int) -> HttpResponse:
    """Its lines on the next invoice of its account."""
    row = get_object_or_404(Subscription.objects.select_related("account"), pk=subscription)
    day = next_day(row.account)
    rows = next_invoice.line_rows(preview(row.account_id, day), row.account, row.pk)
    context = {"rows": rows, "day": day, "account": row.account}
    return next_invoice.respond(request, context)


@page("sales/subscriptions/<int:subscription>/<slug:what>", title=_("Change a subscription"),
      permission="subscriptions.edit", write="subscriptions.edit")  # fmt: skip
def subscription_act(request: HttpRequest, subscription: int, what: str) -> HttpResponse:
    """The form of a change; what it does to the next invoice; then it is done."""
    row = get_object_or_404(Subscription.objects.select_related("account"), pk=subscription)
    asked = ACTS.get(what)
    if asked is None:
        raise Http404
    held = store.load(row.pk)
    data = request.POST if request.method == "POST" else None  # it may have no field
    form = contract_forms.form_of(asked, held, data)
    back = reverse("console.subscription", args=[row.pk])
    if request.method == "POST" and form.is_valid():
        try:
            return contract_change.decide(request, asked, held, form.cleaned_data, back)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    context = {"form": form, "title": asked.title, "back": back, "back_title": row.code}
    return render(request, "console/act_form.html", context)


class SubscribeForm(forms.Form):
    """A new subscription."""

    account = LookupField(label=_("Account"), kind="accounts", help_text=_("Its code."))
    plan = forms.ChoiceField(
        label=_("Plan"), choices=lambda: contract_forms.plan_choices(clock.now().date())
    )
    quantity = forms.DecimalField(label=_("Quantity"), initial=1)
    on = DayField(label=_("From"), required=False, help_text=_("Left empty: today."))
    kind = forms.CharField(
        label=_("Kind of number"),
        required=False,
        max_length=50,
        help_text=_("Such as msisdn, meter or api_key."),
    )
    number = forms.CharField(
        label=_("Number"),
        required=False,
        max_length=300,
        help_text=_("By which usage finds the subscription."),
    )
    discount = forms.MultipleChoiceField(
        label=_("Discounts"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(code, code) for code in sorted(known_discounts())],
    )
    promotion = forms.CharField(label=_("Promotion code"), required=False, max_length=100)
    prices = contract_forms.prices()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if not known_discounts():
            self.fields["discount"].widget = forms.MultipleHiddenInput()


@page("sales/subscribe", title=_("New subscription"), permission="subscriptions.edit",
      write="subscriptions.edit")  # fmt: skip
def subscribe(request: HttpRequest) -> HttpResponse:
    """A form for a new subscription, its effect on the next invoice, then it is made."""
    form = SubscribeForm(request.POST or None, initial=request.GET.dict())
    back = reverse("subscriptions.subscriptions")
    if request.method == "POST" and form.is_valid():
        try:
            account = account_by_code(form.cleaned_data["account"])
            return _subscribe(request, account, form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    context = {"form": form, "back": back, "back_title": _("Subscriptions")}
    return render(request, "console/act_form.html", context)


@act("sales/subscriptions/<int:subscription>/unschedule/<int:number>",
     permission="subscriptions.edit")  # fmt: skip
def unschedule(request: HttpRequest, subscription: int, number: int) -> HttpResponse:
    """Take back a change that is still to come."""
    row = get_object_or_404(Subscription, pk=subscription)
    if not confirmed(request):
        trial = attempt(row.account_id, lambda: services.unschedule(row.pk, number))
        return confirm(request, _("Take a change back"), verb=_("Take it back"),
                       effects=next_invoice.effects(trial), note=next_invoice.note())  # fmt: skip
    services.unschedule(row.pk, number)
    return done(request, _("The change is taken back."), "console.subscription", row.pk)


@act("sales/subscriptions/<int:subscription>/discounts/<str:code>/end",
     permission="subscriptions.edit")  # fmt: skip
def discount_end(request: HttpRequest, subscription: int, code: str) -> HttpResponse:
    """End a discount of a subscription."""
    row = get_object_or_404(Subscription, pk=subscription)
    holder = discounts.holder(subscription=row.pk)
    if not confirmed(request):
        trial = attempt(row.account_id, lambda: discounts.end(code, holder))
        return confirm(request, _("End a discount"), verb=_("End %(code)s") % {"code": code},
                       effects=next_invoice.effects(trial), note=next_invoice.note())  # fmt: skip
    discounts.end(code, holder)
    return done(request, _("The discount ends."), "console.subscription", row.pk)


@act("sales/numbers/<int:identifier>/end", permission="subscriptions.edit")
def number_end(request: HttpRequest, identifier: int) -> HttpResponse:
    """End a number, so that another subscription may have it."""
    row = get_object_or_404(Identifier.objects.select_related("subscription"), pk=identifier)
    if not confirmed(request):
        effects = [(_("Number"), row.value), (_("Leads to"), row.subscription.code)]
        note = _("Usage of this number from now on is rejected until somebody has it.")
        verb = _("End %(number)s") % {"number": row.value}
        return confirm(request, _("End a number"), verb=verb, effects=effects, note=note,
                       danger=True)  # fmt: skip
    services.end_identifier(row.value)
    return done(request, _("The number has ended."), "console.subscription", row.subscription_id)


def _subscribe(request: HttpRequest, account: Account, data: dict[str, Any]) -> HttpResponse:
    numbers = {data["kind"] or "msisdn": data["number"]} if data["number"] else {}

    def make() -> Subscription:
        return services.subscribe(
            account_id=account.pk, plan=data["plan"], quantity=data["quantity"],
            at=contract_forms.moments.start_of(data["on"], account), identifiers=numbers,
            discounts=data["discount"], promotion=data["promotion"] or None,
            overrides=data["prices"],
        )  # fmt: skip

    if confirmed(request):
        made = make()
        return done(request, _("The subscription is made."), "console.subscription", made.pk)
    trial = attempt(account.pk, make)
    effects = [
        (_("Account"), f"{account.code}, {account.customer.party.name}"),
        (_("Begins"), written.day(trial.result.started_at.date())),
        *next_invoice.effects(trial),
    ]
    rows = next_invoice.line_rows(trial.after, account)
    return confirm(
        request, _("New subscription"), verb=_("Subscribe"), effects=effects,
        largest=rows if rows.rows else None,
        note=next_invoice.note(),
    )  # fmt: skip


def _possible(held: Held, state: str) -> list[tuple[str, ContractAct]]:
    """The acts that make sense for what it is now."""
    if state == "cancelled":
        return []
    ends = any(one.kind == "cancel" for one in services.scheduled(held))
    hidden = {"uncancel" if not ends else "", "pause" if state == "paused" else "resume"}
    if held.subscription.base is not None:
        hidden.add("add-on")
    return [(name, one) for name, one in ACTS.items() if name not in hidden]


def _phases(held: Held) -> list[dict[str, Any]]:
    ids = {phase.plan_version_id for phase in held.timeline}
    plans = {one.pk: one for one in PlanVersion.objects.filter(pk__in=ids)}
    return [
        {
            "from": _day(phase.start_at, held), "to": _day(phase.end_at, held),
            "plan": f"{plans[phase.plan_version_id].name}, {plans[phase.plan_version_id].version}",
            "quantity": phase.quantity, "state": phase.state,
        }
        for phase in held.timeline
    ]  # fmt: skip


def _numbers(held: Held) -> list[dict[str, Any]]:
    now = clock.now()
    return [
        {"pk": one.pk, "kind": one.kind, "value": one.value, "until": _day(one.end_at, held),
         "live": one.end_at is None or one.end_at > now}
        for one in identifiers.of([held.subscription.pk])
    ]  # fmt: skip


def _day(at: datetime | None, held: Held) -> str:
    return written.day(at.astimezone(held.zone).date()) if at else ""
