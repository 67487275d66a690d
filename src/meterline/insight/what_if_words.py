"""The report of a what-if as it is shown: figures, charts, tables and trees of what was kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from meterline.insight.compare import PERCENTS
from meterline.insight.models import WhatIf
from meterline.web import charts
from meterline.web import format as written
from meterline.web.rows import Column, Money, Rows

SHOWN = 8  # plans in a chart
Kept = Mapping[str, Any]


def facts(one: WhatIf) -> list[tuple[str, Any]]:
    """What was looked at, and what could not be."""
    report: Kept = one.report or {}
    since, until = date.fromisoformat(report["since"]), date.fromisoformat(report["until"])
    found = [
        (_("Bills of"), written.period(since, until)),
        (_("Only"), ", ".join(one.segment)), (_("Asked by"), one.asked_by.removeprefix("user:")),
        (_("Records rated anew"), written.number(report["usage"]["records"])),
        (_("Records rejected"), written.number(report["usage"]["rejected"])),
    ]  # fmt: skip
    for plan, why in report["affected"].items():
        count = written.number(report["subscriptions"].get(plan, 0))
        words = _("%(count)s subscriptions: %(why)s") % {"count": count, "why": ", ".join(why)}
        found.append((plan, words))
    for reason, left in report["left_out"].items():
        found.append((_("Left out: %s") % reason.replace("_", " "), written.number(left)))
    for price, unfit in report["overrides_that_do_not_fit"].items():
        found.append((_("Override that does not fit: %s") % price, written.number(unfit)))
    return [(term, value) for term, value in found if value]


def currencies(report: Kept) -> list[dict[str, Any]]:
    """By currency: how many win and lose, revenue before and after, the distribution."""
    return [_of_currency(name, part) for name, part in sorted(report["currencies"].items())]


def _of_currency(currency: str, part: Kept) -> dict[str, Any]:
    now, then = (Decimal(part["sums"][f"total_{side}"]) for side in ("now", "then"))
    buckets = [(_bucket(row["change"]), row["accounts"]) for row in part["buckets"]]
    columns = [Column("name", _("Of all accounts")), Money("amount", _("Change of the bill"))]
    rows = [
        {
            "name": _percentile(name),
            "amount": Decimal(part["percentiles"][name]),
            "currency": currency,
        }
        for name in ("least", *(f"p{percent}" for percent in PERCENTS), "most")
    ]
    return {
        "currency": currency, "accounts": part["accounts"], "now": now, "then": then,
        "change": then - now, "percent": _percent(then - now, now),
        "losers": part["losers"]["accounts"], "losers_amount": Decimal(part["losers"]["amount"]),
        "winners": part["winners"]["accounts"],
        "winners_amount": Decimal(part["winners"]["amount"]),
        "unchanged": part["unchanged"]["accounts"],
        "chart": charts.bars(
            _("Accounts by the change of their bill, %(currency)s") % {"currency": currency},
            buckets, unit=_("accounts"),
        ),
        "percentiles": Rows(columns, rows, caption=_("Percentiles")),
    }  # fmt: skip


def _bucket(label: str) -> str:
    words = {"same": _("same"), "new": _("new")}
    if label in words:
        return words[label]
    return label.replace("-", written.MINUS).replace(" to ", written.DASH).replace(" %", "%")


def _percentile(name: str) -> str:
    words = {"least": _("the least"), "most": _("the most"), "p50": _("half, at most")}
    return words.get(name) or _("%s %%, at most") % name.removeprefix("p")


def _percent(part: Decimal, whole: Decimal) -> str:
    if not whole:
        return ""
    return f"{'+' if part > 0 else ''}{written.number(part * 100 / whole, 2)} %"


def revenues(report: Kept) -> list[dict[str, Any]]:
    """By currency: revenue of each plan, and from today's to the other one."""
    by_currency: dict[str, list[dict[str, Any]]] = {}
    for row in report["revenue"]:
        amounts = {name: Decimal(row[name]) for name in _AMOUNTS}
        by_currency.setdefault(row["currency"], []).append({**row, **amounts})
    return [_revenue(currency, rows) for currency, rows in by_currency.items()]


_AMOUNTS = ("net_now", "net_then", "net_difference", "tax_now", "tax_then", "difference")


def _revenue(currency: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    columns = [
        Column("plan", _("Plan")), Money("net_now", _("Net now")), Money("net_then", _("Net then")),
        Money("net_difference", _("Change, net")), Money("difference", _("Change, with tax")),
    ]  # fmt: skip
    title = _("Net revenue, %(currency)s") % {"currency": currency}
    return {
        "rows": Rows(columns, rows, caption=title), "title": title,
        "chart": charts.waterfall(title, list(_steps(rows)), unit=currency),
    }  # fmt: skip


def _steps(rows: Sequence[dict[str, Any]]) -> Iterable[tuple[str, Decimal]]:
    """Now, the plans with the largest changes, all others together, then."""
    changed = [row for row in rows if row["net_difference"]]
    ordered = sorted(changed, key=lambda row: abs(row["net_difference"]), reverse=True)
    yield _("Now"), sum((row["net_now"] for row in rows), Decimal(0))
    for row in ordered[:SHOWN]:
        yield row["plan"], row["net_difference"]
    if rest := ordered[SHOWN:]:
        yield _("Others"), sum((row["net_difference"] for row in rest), Decimal(0))
    yield _("Then"), sum((row["net_then"] for row in rows), Decimal(0))


def largest(rows: Sequence[Kept]) -> list[dict[str, Any]]:
    """Accounts as trees: the bill now, the bill then, each down to its arithmetic."""
    return [_account(row) for row in rows]


def _account(row: Kept) -> dict[str, Any]:
    currency, change = row["currency"], Decimal(row["difference"])
    amounts = {
        side: written.amount(Decimal(row[f"total_{side}"]), currency) for side in ("now", "then")
    }
    signed = f"{'+' if change > 0 else ''}{written.amount(change, currency)}"
    titles = {"now": _("The bill now"), "then": _("The bill then")}
    return {
        "title": row["account"], "amount": signed,
        "rule": f"{amounts['now']} → {amounts['then']}",
        "parts": [
            {"title": titles[side], "amount": amounts[side],
             "parts": [*(_line(line, currency) for line in row[f"lines_{side}"]),
                       _tax(Decimal(row[f"tax_{side}"]), currency)]}
            for side in ("now", "then")
        ],
    }  # fmt: skip


def _line(line: Kept, currency: str) -> dict[str, Any]:
    named = [line["name"], (line["band"] or "").replace("_", " "), line["by_value"] or ""]
    amount = Decimal(line["amount"])
    return {
        "title": f"{line['plan']}: {', '.join(text for text in named if text)}",
        "amount": written.amount(amount, currency), "rule": line["rule"],
        "arithmetic": f"{line['expression']} = {amount.normalize():f}",
    }  # fmt: skip


def _tax(amount: Decimal, currency: str) -> dict[str, Any]:
    return {"title": _("Tax"), "amount": written.amount(amount, currency)}
