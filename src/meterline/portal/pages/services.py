"""My services: what I have, what is to come, and changing it with its exact effect shown before."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.billing.services import preview
from meterline.billing.trial import attempt, next_day
from meterline.console import contract_change, contract_forms, next_invoice
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.portal import acts
from meterline.portal.scope import account_of, subscription_of
from meterline.portal.services import PERMISSION
from meterline.portal.words import NUMBERS
from meterline.subscriptions import identifiers, services, store
from meterline.subscriptions.models import Subscription
from meterline.subscriptions.overview import now_of
from meterline.subscriptions.pages import STATES, TONES
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.page import act, done, fragment, page

MOST = 200


@page("portal/services", title=_("Services"), permission=PERMISSION, menu="services",
      surface="portal")  # fmt: skip
def contracts(request: HttpRequest) -> HttpResponse:
    """The contracts of an account: those that run first, add-ons beneath what they go with."""
    account = account_of(request)
    rows = list(Subscription.objects.filter(account=account).order_by("started_at", "pk")[:MOST])
    now = now_of([row.pk for row in rows], clock.now())
    shown = [
        {"one": row, **now[row.pk], "state": STATES[now[row.pk]["state_now"]],
         "tone": TONES.get(now[row.pk]["state_now"], "neutral")}
        for row in rows
    ]  # fmt: skip
    shown.sort(key=lambda row: row["state_now"] == "cancelled")
    return render(request, "portal/services.html", {"account": account, "services": shown})


@page("portal/services/<int:subscription>", title=_("Service"), permission=PERMISSION,
      surface="portal")  # fmt: skip
def service(request: HttpRequest, subscription: int) -> HttpResponse:
    """One contract: its plan, numbers, what is to come, what can be done."""
    row = subscription_of(request, subscription)
    held = store.load(row.pk)
    now = now_of([row.pk], clock.now())[row.pk]
    numbers = [
        (NUMBERS.get(one.kind, one.kind.replace("_", " ").capitalize()), one.value)
        for one in identifiers.of([row.pk]) if one.end_at is None or one.end_at > clock.now()
    ]  # fmt: skip
    context = {
        "one": row, "now": now, "account": row.account, "state": STATES[now["state_now"]],
        "tone": TONES.get(now["state_now"], "neutral"), "numbers": numbers,
        "waiting": [contract_change.waiting(held, one) for one in services.scheduled(held)],
        "addons": store.addons(held),
        "acts": acts.possible(held, now["state_now"]),
        "began": row.started_at.astimezone(held.zone).date(),
    }  # fmt: skip
    return render(request, "portal/service.html", context)


@fragment("portal/next/<int:subscription>", permission=PERMISSION)
def service_next(request: HttpRequest, subscription: int) -> HttpResponse:
    """What the contract adds to the next bill, with the usage so far."""
    row = subscription_of(request, subscription)
    day = next_day(row.account)
    rows = next_invoice.line_rows(preview(row.account_id, day), row.account, row.pk)
    return next_invoice.respond(request, {"rows": rows, "day": day, "account": row.account})


@page("portal/services/<int:subscription>/<slug:what>", title=_("Change a service"),
      permission=PERMISSION, write=PERMISSION, surface="portal")  # fmt: skip
def service_act(request: HttpRequest, subscription: int, what: str) -> HttpResponse:
    """What is asked for a change; what it does to the next bill; then it is done."""
    row = subscription_of(request, subscription)
    held = store.load(row.pk)
    state = now_of([row.pk], clock.now())[row.pk]["state_now"]
    asked = dict(acts.possible(held, state)).get(what)
    if asked is None:
        raise Http404
    form = contract_forms.form_of(asked, held, request.POST if request.method == "POST" else None)
    back = reverse("portal.service", args=[row.pk])
    if request.method == "POST" and form.is_valid():
        try:
            return contract_change.decide(request, asked, held, form.cleaned_data, back)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    context = {"form": form, "title": asked.title, "back": back, "back_title": held.code}
    return render(request, "console/act_form.html", context)


@act("portal/services/<int:subscription>/take-back/<int:number>", permission=PERMISSION)
def take_back(request: HttpRequest, subscription: int, number: int) -> HttpResponse:
    """Take back a change that is still to come."""
    row = subscription_of(request, subscription)
    if not confirmed(request):
        trial = attempt(row.account_id, lambda: services.unschedule(row.pk, number))
        return confirm(request, _("Take a change back"), verb=_("Take it back"),
                       effects=next_invoice.effects(trial), note=next_invoice.note())  # fmt: skip
    services.unschedule(row.pk, number)
    return done(request, _("The change is taken back."), "portal.service", row.pk)
