"""What pages of a document are made of, in the console and in the portal: why each line is what it
is, and why a bill differs from the one before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.invoices import reading, reports
from meterline.invoices.against import causes
from meterline.invoices.models import Invoice
from meterline.kernel.explain import Explanation
from meterline.kernel.money import decimals
from meterline.web import charts
from meterline.web import format as written

CAUSES = {
    "usage": later("Usage: more or less was used"),
    "days": later("Days: the periods are longer or shorter"),
    "services": later("Services: begun, ended, or another number of them"),
    "price": later("Price: the same at another price"),
    "one_offs": later("One-off charges"),
    "minimums": later("Minimums and commitments"),
    "credits": later("Discounts, credits and corrections"),
    "tax": later("Tax"),
}
SHORT = {
    "usage": later("Usage"), "days": later("Days"), "services": later("Services"),
    "price": later("Price"), "one_offs": later("One-offs"), "minimums": later("Minimums"),
    "credits": later("Credits"), "tax": later("Tax"),
}  # fmt: skip


def trees(one: Invoice, records: Callable[[Mapping[str, Any]], str]) -> list[dict[str, Any]]:
    """The explanation of each line, down to the records where it bills usage: `records` gives
    their URL for a line (empty: none). Each has `line`, the line's id."""
    return [_tree(row, why, one, records) for row, why in reports.explain(one.number)]


def last_before(one: Invoice) -> Invoice | None:
    """The invoice of the same account before this one."""
    rows = Invoice.objects.filter(
        account=one.account, currency=one.currency, kind="invoice", pk__lt=one.pk,
        issue_date__lte=one.issue_date,
    )  # fmt: skip
    return rows.order_by("-issue_date", "-pk").first()


def change(last: Invoice, one: Invoice) -> dict[str, Any]:
    """Why a bill differs from the last one: `causes` (words, amount), which add up to `change`,
    and the `chart` of it."""
    found = causes(
        reading.lines([last.pk]), reading.lines([one.pk]), (last.tax, one.tax),
        decimals(one.currency),
    )  # fmt: skip
    steps = [(str(SHORT[cause]), amount) for cause, amount in found]
    ends = [(last.number, last.total), *steps, (one.number, one.total)]
    return {
        "causes": [(CAUSES[cause], amount) for cause, amount in found],
        "chart": charts.waterfall(_("From the last bill to this one"), ends, unit=one.currency),
        "change": one.total - last.total,
    }


def _tree(
    row: dict[str, Any],
    why: Explanation,
    one: Invoice,
    records_of: Callable[[Mapping[str, Any]], str],
) -> dict[str, Any]:
    node = _node(why, one.currency, title(row, one.account.timezone))
    node["amount"] = written.amount(row["amount"], one.currency)
    node["line"] = row["id"]
    url = records_of(row) if row["kind"] == "usage" else ""
    if url:
        events = sum(int(part["events"]) for part in (row["inputs"] or {}).get("rows") or ())
        records = {
            "title": _("The usage records behind it"),
            "amount": written.number(events),
            "url": url,
        }
        node["parts"] = [*node["parts"], records]
    return node


def _node(why: Explanation, currency: str, title: str = "") -> dict[str, Any]:
    exact = f"{why.expression} = {why.amount.normalize():f}"
    return {
        "title": title or _("of which"),
        "amount": written.number(why.amount.normalize()),
        "rule": why.rule,
        "arithmetic": exact,
        "parts": [_node(part, currency) for part in why.parts],
    }


def title(row: Mapping[str, Any], timezone: str) -> str:
    """What a line charges for, and for when."""
    told = [row["name"], (row["band"] or "").replace("_", " "), row["season"] or ""]
    name = ", ".join(text for text in told if text)
    if not (row["start_at"] and row["end_at"]):
        return name
    zone = ZoneInfo(timezone)
    first = row["start_at"].astimezone(zone).date()
    last = (row["end_at"].astimezone(zone) - timedelta(microseconds=1)).date()
    return f"{name}, {written.period(first, max(first, last) + timedelta(days=1))}"
