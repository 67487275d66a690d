"""What a plan would cost: asked on a page, answered as a bill, every line explained."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from meterline.access.gate import allowed
from meterline.catalog import drafts, offered, reading
from meterline.catalog.models import Draft, PlanVersion
from meterline.catalog.offered import Offered
from meterline.insight.quote import Ask, Quote, last_month, long_since, quote
from meterline.insight.use_form import ROWS_MOST, of_query, uses
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.subscriptions.models import Subscription
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.explained import line_tree
from meterline.web.forms import DayField, LookupField, PeriodField
from meterline.web.page import page
from meterline.web.rows import Column, Number, Rows
from meterline.web.sound import whole

_DAYS_MOST = 800
_YEARS = range(1970, 2200)


class AskForm(forms.Form):
    """Who has the plan since when, and what is billed."""

    period = PeriodField(label=_("Billed period"))
    since = DayField(
        label=_("Has the plan since"), required=False,
        help_text=_("Empty: long since. A beginning has its set-up price, its trial and phases."),
    )  # fmt: skip
    quantity = forms.DecimalField(
        label=_("Quantity"), min_value=0, max_digits=20, decimal_places=6, required=False,
        help_text=_("Of the subscription, such as seats."),
    )  # fmt: skip
    region = forms.ChoiceField(label=_("Tax region"), required=False)
    subscription = LookupField(
        kind="subscriptions", label=_("With the real use of"), required=False,
        help_text=_("A subscription, whose records of the period are rated by this plan."),
    )  # fmt: skip

    def __init__(self, *args: Any, real: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        regions = sorted({rate.region for tax in reading.taxes() for rate in tax.rates})
        self.fields["region"].choices = [("", written.DASH), *((one, one) for one in regions)]
        if not real:
            del self.fields["subscription"]

    def clean_period(self) -> tuple[date, date]:
        """Not so long that the page takes for ever."""
        start, end = self.cleaned_data["period"]
        _check(start)
        if (end - start).days > _DAYS_MOST:
            raise forms.ValidationError(_("That is more than two years."))
        return start, end

    def clean_since(self) -> date | None:
        """A day of our time."""
        since: date | None = self.cleaned_data["since"]
        return _check(since) if since else None

    def clean_subscription(self) -> Subscription | None:
        """The subscription of the code."""
        code = self.cleaned_data["subscription"]
        if not code:
            return None
        found: Subscription | None = Subscription.objects.filter(code=code).first()
        if found is None:
            raise forms.ValidationError(_("There is no such subscription."))
        return found


def _check(day: date) -> date:
    if day.year not in _YEARS:
        raise forms.ValidationError(_("That is not a day of our time."))
    return day


@page(
    "catalog/plans/<code:plan>/quote", title=_("What it would cost"), permission="catalog.view",
    help="insight-plan-quote",
)  # fmt: skip
def plan_quote(request: HttpRequest, plan: str) -> HttpResponse:
    """A bill of a published plan (`?version=`; `?price=`: of one price) for use that is typed."""
    wanted = request.GET.get("version", "")
    if wanted:
        versions = PlanVersion.objects.filter(plan_code=plan, base=None)
        found = versions.filter(version=whole(wanted) or 0).first()
    else:
        today = reading.plans_in_force(clock.now().date())
        found = next((one for one in today if one.plan_code == plan), None)
    if found is None:
        raise Http404
    back = f"{reverse('catalog.plan', args=[plan])}?version={found.version}"
    return _answer(request, offered.in_force(found), back, {"version": wanted})


@page(
    "catalog/drafts/<int:draft>/quote", title=_("What it would cost"), permission="catalog.view",
    help="insight-plan-quote",
)  # fmt: skip
def draft_quote(request: HttpRequest, draft: int) -> HttpResponse:
    """A bill of a plan (`?plan=`) as a draft has it."""
    one = get_object_or_404(Draft, pk=draft)
    plan = request.GET.get("plan", "")
    with drafts.opened(one) as (catalogue, _scenarios):
        if plan not in catalogue.plans:
            raise Http404
        found = offered.of_file(catalogue, plan)
    return _answer(request, found, reverse("authoring.draft", args=[draft]), {"plan": plan})


def _answer(request: HttpRequest, plan: Offered, back: str, kept: dict[str, str]) -> HttpResponse:
    query = {name: str(value) for name, value in request.GET.items()}
    only = query.get("price", "")
    start, end = last_month(clock.now().date())
    first: dict[str, Any] = {"period": (start, end), "quantity": 1}
    shown = {"period": [start, end - timedelta(days=1)], "quantity": 1}
    real = allowed(request, "usage.view")
    form = AskForm(request.GET if "period_0" in query else None, initial=shown, real=real)
    asked: dict[str, Any] = form.cleaned_data if form.is_bound and form.is_valid() else first
    period = asked.get("period") or (start, end)
    used = of_query(plan, _pressed(query), period, only)
    context = {
        "form": form, "plan": plan, "used": used, "back": back, "only": only,
        "kept": [(name, value) for name, value in {**kept, "price": only}.items() if value],
    }  # fmt: skip
    if not form.is_bound or form.is_valid():
        ask = Ask(
            since=asked.get("since") or long_since(plan, period[0]), start=period[0], end=period[1],
            quantity=Decimal(asked.get("quantity") or 1), region=asked.get("region") or "",
            uses=uses(used, ZoneInfo(plan.timezone),
                      max(period[0], asked.get("since") or date.min)),
            subscription_id=one.pk if (one := asked.get("subscription")) else None,
        )  # fmt: skip
        try:
            context |= _told(plan, quote(plan, ask), only)
        except MeterlineError as error:
            context["problem"] = sentence(error)
    return render(request, "insight/quote.html", context)


def _pressed(query: dict[str, str]) -> dict[str, str]:
    """The query after the button for one more row, or one less."""
    do, _colon, place = query.get("do", "").partition(":")
    meter, _dot, number = place.rpartition(".") if do == "remove" else (place, "", "")
    known = whole(query.get(f"n:{meter}", ""))
    if do not in ("add", "remove") or known is None:
        return query
    count = min(known, ROWS_MOST)
    if do == "add":
        return {**query, f"n:{meter}": str(count + 1)}
    gone = whole(number)
    if gone is None:
        return query
    moved = {name: value for name, value in query.items() if not name.startswith(f"{meter}.")}
    for old in (n for n in range(count) if n != gone):
        new = old - (old > gone)
        moved |= {
            f"{meter}.{new}.{name.removeprefix(f'{meter}.{old}.')}": value
            for name, value in query.items()
            if name.startswith(f"{meter}.{old}.")
        }
    return {**moved, f"n:{meter}": str(max(count - 1, 0))}


def _told(plan: Offered, found: Quote, only: str) -> dict[str, Any]:
    lines = [one for one in found.lines if not only or one[0]["price_code"] == only]
    columns = [Column("meter", _("Meter")), Column("reason", _("Why")),
               Column("detail", _("For example")), Number("records", _("Records"))]  # fmt: skip
    rejects = [{**one, "reason": one["reason"].replace("_", " ")} for one in found.rejects]
    return {
        "found": found,
        "trees": [
            line_tree(line, why, plan.currency, plan.timezone) for line, _price, why in lines
        ],
        "sum": sum((line["amount"] for line, _price, _why in lines), Decimal(0)),
        "rejects": Rows(columns, rejects, caption=_t("Not rated")) if rejects else None,
    }
