"""The forms of changes to a contract: what is asked for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from meterline.catalog.reading import discounts as known_discounts
from meterline.console import moments
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.subscriptions import discounts, overrides, overview, services
from meterline.subscriptions.decide import When
from meterline.subscriptions.store import Held
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.words import Words

POLICY = ("policy", _("As the plan says"))
NOW = ("now", _("At once"))
PERIOD = ("end_of_period", _("At the end of the period"))
TERM = ("end_of_term", _("At the end of the term"))
DAY = ("date", _("On a day"))


@dataclass(frozen=True, kw_only=True)
class ContractAct:
    """A change of a subscription: its form's fields, what does it, what says how to reverse it."""

    title: Words
    verb: Words
    fields: Callable[[Held], dict[str, forms.Field]]
    run: Callable[[Held, dict[str, Any]], Any]
    reverse: Words
    icon: str = "edit"
    danger: bool = False


def form_of(act: ContractAct, held: Held, data: Any = None) -> forms.Form:
    """The form of an act on a subscription."""
    made = forms.Form(data)
    made.fields.update(act.fields(held))
    return made


def plan_choices(
    on: date, currency: str | None = None, beside: str | None = None
) -> list[tuple[str, str]]:
    """Plans that can be taken: as add-ons `beside` a plan, or those that stand alone."""
    return [
        (one.plan_code, f"{one.name} ({one.plan_code}, {one.currency})")
        for one in overview.offered(on, currency)
        if fits(one.body.get("addon_to") or (), beside)
    ]


def fits(addon_to: Sequence[str], beside: str | None) -> bool:
    """Whether a plan that goes with `addon_to` can be taken beside a plan, or alone."""
    return not addon_to if beside is None else beside in addon_to


def choose_when(*choices: tuple[str, Words]) -> dict[str, forms.Field]:
    """The field that asks when."""
    return {
        "when": forms.ChoiceField(label=_("When"), choices=choices, widget=forms.RadioSelect,
                                  initial=choices[0][0])
    }  # fmt: skip


def _when(*choices: tuple[str, Words]) -> dict[str, forms.Field]:
    day = DayField(label=_("Day"), required=False, help_text=_("Where it is on a day."))
    return {**choose_when(*choices), "on": day}


def chosen(data: dict[str, Any]) -> When:
    """When, as the services take it."""
    if data["when"] == "date":
        return cast(date, data["on"] or clock.now().date())
    return cast(When, data["when"])


def _today(held: Held) -> date:
    return clock.now().astimezone(held.zone).date()


def _plans(held: Held) -> dict[str, forms.Field]:
    account, base = held.subscription.account, held.subscription.base
    beside = None if base is None else _plan_of(base.pk)
    choices = plan_choices(_today(held), account.currency, beside)
    return {
        "plan": forms.ChoiceField(label=_("Plan"), choices=choices),
        "quantity": quantity(required=False), "prices": prices(),
        **_when(POLICY, NOW, PERIOD, TERM, DAY),
    }  # fmt: skip


def _plan_of(subscription: int) -> str:
    return str(overview.now_of([subscription], clock.now())[subscription]["plan_code"])


def quantity(*, required: bool = True, initial: Decimal | None = None) -> forms.Field:
    """How many units."""
    hint = None if required else _("Left empty, it stays as it is.")
    return forms.DecimalField(
        label=_("Quantity"), required=required, initial=initial, help_text=hint
    )


def prices() -> forms.Field:
    """Prices of this contract alone."""
    return OwnPrices(
        label=_("Own prices"), required=False,
        help_text=_("For this contract alone, one a line: price.field = value, such as"
                    " base.amount = 9.00. Its other prices stay those of the plan."),
    )  # fmt: skip


class OwnPrices(forms.CharField):
    """Lines `price.field = value`, as the services take them."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        lines = [line for line in super().clean(value).splitlines() if line.strip()]
        try:
            return overrides.read(lines) or None
        except MeterlineError as error:
            raise forms.ValidationError(sentence(error)) from error


def _addons(held: Held) -> dict[str, forms.Field]:
    plan = _plan_of(held.subscription.pk)
    choices = plan_choices(_today(held), held.subscription.account.currency, plan)
    return {
        "plan": forms.ChoiceField(label=_("Add-on"), choices=choices),
        "quantity": forms.DecimalField(label=_("Quantity"), initial=1),
    }


def _add_on(held: Held, data: dict[str, Any]) -> Any:
    return services.subscribe(
        account_id=held.subscription.account_id, plan=data["plan"], quantity=data["quantity"],
        base=held.code,
    ).started_at  # fmt: skip


def _discounts(_held: Held) -> dict[str, forms.Field]:
    choices = [(code, code) for code in sorted(known_discounts())]
    return {
        "discount": forms.ChoiceField(label=_("Discount"), choices=choices),
        "on": DayField(
            label=_("From"), required=False,
            help_text=_("It holds for charge periods that begin then or later. Empty: now."),
        ),
    }  # fmt: skip


def _give(held: Held, data: dict[str, Any]) -> Any:
    at = moments.start_of(data["on"], held.subscription.account)
    to = discounts.holder(subscription=held.code)
    return discounts.give(data["discount"], to, at).since_at


def _number(_held: Held) -> dict[str, forms.Field]:
    return {
        "kind": forms.CharField(label=_("Kind"), initial="msisdn", max_length=50,
                                help_text=_("Such as msisdn, meter or api_key.")),
        "value": forms.CharField(label=_("Number"), max_length=300),
    }  # fmt: skip


ACTS: dict[str, ContractAct] = {
    "plan": ContractAct(
        title=_("Change the plan"), verb=_("Change the plan"), fields=_plans,
        run=lambda held, data: services.change(
            held.code, data["plan"], when=chosen(data), quantity=data["quantity"],
            overrides=data["prices"]),
        reverse=_("Change back to the plan before; while it waits, it can be taken back."),
    ),
    "quantity": ContractAct(
        title=_("Change the quantity"), verb=_("Change the quantity"),
        fields=lambda held: {"quantity": quantity(), **_when(NOW, PERIOD, TERM, DAY)},
        run=lambda held, data: services.set_quantity(
            held.code, data["quantity"], when=chosen(data)),
        reverse=_("Set the quantity that it was before."),
    ),
    "add-on": ContractAct(
        title=_("Add an add-on"), verb=_("Add it"), fields=_addons, run=_add_on, icon="plus",
        reverse=_("Cancel the add-on, which is a subscription beside this one."),
    ),
    "pause": ContractAct(
        title=_("Pause"), verb=_("Pause it"), fields=lambda held: _when(NOW, PERIOD, DAY),
        run=lambda held, data: services.pause(held.code, when=chosen(data)),
        reverse=_("Resume it."), icon="clock",
    ),
    "resume": ContractAct(
        title=_("Resume"), verb=_("Resume it"), fields=lambda held: _when(NOW, DAY),
        run=lambda held, data: services.resume(held.code, when=chosen(data)),
        reverse=_("Pause it again."), icon="play",
    ),
    "cancel": ContractAct(
        title=_("Cancel"), verb=_("Cancel it"), danger=True, icon="trash",
        fields=lambda held: _when(PERIOD, NOW, TERM, DAY),
        run=lambda held, data: services.cancel(held.code, when=chosen(data)),
        reverse=_("A cancellation that is still to come can be taken back; one that has come"
                  " cannot: a new subscription has to be made."),
    ),
    "uncancel": ContractAct(
        title=_("Take the cancellation back"), verb=_("Take it back"), icon="undo",
        fields=lambda held: {}, run=lambda held, data: services.uncancel(held.code),
        reverse=_("Cancel it again."),
    ),
    "discount": ContractAct(
        title=_("Give a discount"), verb=_("Give it"), fields=_discounts, run=_give, icon="tag",
        reverse=_("End the discount on the page of the subscription."),
    ),
    "redeem": ContractAct(
        title=_("Redeem a promotion code"), verb=_("Redeem it"), icon="tag",
        fields=lambda held: {"code": forms.CharField(label=_("Promotion code"), max_length=100)},
        run=lambda held, data: discounts.redeem(data["code"], held.code).since_at,
        reverse=_("End the discount; the code counts as used."),
    ),
    "number": ContractAct(
        title=_("Add a number"), verb=_("Add it"), fields=_number, icon="phone",
        run=lambda held, data: services.add_identifier(
            held.code, data["kind"], data["value"]).start_at,
        reverse=_("End the number on the page of the subscription."),
    ),
}  # fmt: skip
"""What can be done to a subscription."""
