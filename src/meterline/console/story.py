"""What happened to a customer or a contract, on one time axis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from meterline.care.models import Note
from meterline.invoices.links import invoice_url
from meterline.invoices.models import Invoice
from meterline.payments.models import Payment
from meterline.payments.pages import KINDS as PAYMENT_KINDS
from meterline.payments.pages import TONES as PAYMENT_TONES
from meterline.subscriptions.models import Change, Subscription
from meterline.subscriptions.store import Held
from meterline.web import format as written

KINDS = {
    "subscribe": _("Begins"), "change": _("Plan changes"), "move": _("New version of the plan"),
    "set_quantity": _("Quantity changes"), "cancel": _("Ends"), "uncancel": _("Goes on after all"),
    "pause": _("Pauses"), "resume": _("Resumes"), "unschedule": _("A change was taken back"),
}  # fmt: skip
NOTES = {
    "note": _("Note"), "call": _("Call"), "email": _("E-mail"), "letter": _("Letter"),
    "visit": _("Visit"),
}  # fmt: skip
_TONES = {"subscribe": "good", "cancel": "bad", "pause": "warning", "resume": "good"}
SOURCES = {
    "contracts": "subscriptions.view", "documents": "invoices.view", "payments": "payments.view",
    "notes": "care.view",
}  # fmt: skip
"""What a customer's story is made of, and who may see it."""
LONGEST = 40
TIMES = "\N{MULTIPLICATION SIGN}"
SUBSCRIPTIONS = 500  # the newest of a customer's; of older ones the page tells nothing
Event = dict[str, Any]


def of_subscription(held: Held) -> list[Event]:
    """The log of a contract, the newest first."""
    rows = Change.objects.filter(subscription=held.subscription).order_by("-id")[:LONGEST]
    return [_changed(row, held.zone) for row in rows]


def of_customer(customer_id: int, accounts: Sequence[int], shown: Collection[str]) -> list[Event]:
    """Changes of contracts, documents, payments and notes (of SOURCES those `shown`), the newest
    first. Of each kind the newest are read, so that it costs the same for any history."""
    events: list[Event] = []
    if "contracts" in shown:
        events += _changes(accounts)
    if "documents" in shown:
        events += _documents(accounts)
    if "payments" in shown:
        events += _payments(accounts)
    if "notes" in shown:
        events += notes(customer_id)
    return sorted(events, key=lambda one: one["at"], reverse=True)[:LONGEST]


def notes(customer_id: int) -> list[Event]:
    """Notes and interactions."""
    rows = Note.objects.filter(customer_id=customer_id).order_by("-id")[:LONGEST]
    return [
        {"at": row.at, "title": NOTES[row.kind], "text": row.text, "tone": "neutral",
         "actor": row.author.partition(":")[2] or row.author}
        for row in rows
    ]  # fmt: skip


def _changes(accounts: Sequence[int]) -> list[Event]:
    contracts = Subscription.objects.filter(account_id__in=accounts).order_by("-id")
    ids = list(contracts.values_list("pk", flat=True)[:SUBSCRIPTIONS])
    rows = (
        Change.objects.filter(subscription_id__in=ids)
        .select_related("subscription__account")
        .order_by("-id")[:LONGEST]
    )
    return [
        {**_changed(row, ZoneInfo(row.subscription.account.timezone)),
         "title": f"{row.subscription.code}: {KINDS[row.kind]}",
         "url": reverse("console.subscription", args=[row.subscription_id])}
        for row in rows
    ]  # fmt: skip


def _changed(row: Change, zone: ZoneInfo) -> Event:
    body = row.payload
    units = Decimal(body["quantity"]) if body.get("quantity") else Decimal(1)
    many = "" if units == 1 else f"{TIMES} {written.number(units)}"
    what = [body.get("plan") or "", many]
    day = written.day(row.effective_at.astimezone(zone).date())
    effect = __("with effect from %(day)s") % {"day": day}
    return {
        "at": row.recorded_at, "title": KINDS[row.kind], "tone": _TONES.get(row.kind, "busy"),
        "text": ", ".join(part for part in (*what, effect) if part),
    }  # fmt: skip


def _documents(accounts: Sequence[int]) -> list[Event]:
    rows = Invoice.objects.filter(account_id__in=accounts).order_by("-issue_date", "-id")[:LONGEST]
    return [
        {"at": row.issued_at, "url": invoice_url(row.pk),
         "tone": "warning" if row.kind == "credit_note" else "neutral",
         "title": f"{__('Credit note') if row.kind == 'credit_note' else __('Invoice')}"
                  f" {row.number}",
         "text": f"{written.amount(row.total, row.currency)}, "
                 + __("due %(day)s") % {"day": written.day(row.due_date)}}
        for row in rows
    ]  # fmt: skip


def _payments(accounts: Sequence[int]) -> list[Event]:
    rows = Payment.objects.filter(account_id__in=accounts).order_by(F("at").desc())[:LONGEST]
    return [
        {"at": row.at, "url": reverse("payments.payment", args=[row.pk]),
         "title": f"{str(PAYMENT_KINDS[row.kind]).capitalize()} {row.code}",
         "tone": PAYMENT_TONES.get(row.kind, "neutral"),
         "text": ", ".join(t for t in (written.amount(row.amount, row.currency), row.reference)
                           if t)}
        for row in rows
    ]  # fmt: skip
