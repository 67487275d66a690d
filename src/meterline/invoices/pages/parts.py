"""What pages of a document are made of, in the console and in the portal: why each line is what it
is, and why a bill differs from the one before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.invoices import reading, reports
from meterline.invoices.against import causes
from meterline.invoices.models import Invoice
from meterline.invoices.words import CAUSES
from meterline.kernel.explain import Explanation
from meterline.kernel.money import decimals
from meterline.usage import away
from meterline.web import charts
from meterline.web import format as written
from meterline.web.explained import line_tree

SHORT = {
    "usage": later("Usage"), "days": later("Days"), "services": later("Services"),
    "price": later("Price"), "one_offs": later("One-offs"), "minimums": later("Minimums"),
    "credits": later("Credits"), "tax": later("Tax"),
}  # fmt: skip


def trees(one: Invoice, records: Callable[[Mapping[str, Any]], str]) -> list[dict[str, Any]]:
    """The explanation of each line, down to the records where it bills usage: `records` gives
    their URL for a line (empty: none). Each has `line`, the line's id."""
    return [_tree(row, why, one, records) for row, why in reports.explain(one.number)]


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
    node = line_tree(row, why, one.currency, one.account.timezone)
    node["line"] = row["id"]
    url = records_of(row) if row["kind"] == "usage" else ""
    if url:
        events = sum(int(part["events"]) for part in (row["inputs"] or {}).get("rows") or ())
        records = {
            "title": _("The usage records behind it"),
            "amount": written.number(events),
            "url": url,
            "rule": " ".join(away.told([row["subscription_id"]], row["start_at"], row["end_at"])),
        }
        node["parts"] = [*node["parts"], records]
    return node
