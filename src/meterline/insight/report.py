"""A simulation told: as data, and to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from meterline.insight.compare import spread
from meterline.insight.simulate import Simulation
from meterline.kernel.money import decimals, round_amount


def as_dict(found: Simulation) -> dict[str, Any]:
    """Everything but the bills one by one; amounts are Decimal."""
    return {
        "since": found.window.since,
        "until": found.window.until,
        "affected": {plan: list(why) for plan, why in sorted(found.reasons.items())},
        "subscriptions": found.subscriptions,
        "left_out": found.left_out,
        "overrides_that_do_not_fit": found.unfit,
        "usage": {
            "records": found.records,
            "rejected": found.rejects["records"].sum(),
            "rejects": found.rejects.to_dicts(),
        },
        "currencies": spread(found.bills),
        "revenue": [_revenue(row) for row in found.revenue.iter_rows(named=True)],
        "largest_rises": found.rises,
        "largest_falls": found.falls,
    }


def _revenue(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a plan; its tax is rounded once, on the sum."""
    taxes = {name: round_amount(row[name], row["currency"]) for name in ("tax_now", "tax_then")}
    return {
        **row,
        **taxes,
        "net_difference": row["net_then"] - row["net_now"],
        "difference": row["net_then"] + taxes["tax_then"] - row["net_now"] - taxes["tax_now"],
    }


def as_text(found: Simulation) -> str:
    """The report as lines of text."""
    told = as_dict(found)
    return "\n".join(_text(told))


def _text(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"Bills of {told['since']} to {told['until']} (excluded), now and under the file"
    if not told["affected"]:
        yield "No plan is affected: the file says what is in force."
        return
    for plan, why in told["affected"].items():
        yield f"  {plan}: {told['subscriptions'].get(plan, 0):,} subscriptions ({', '.join(why)})"
    for reason, count in told["left_out"].items():
        yield f"  left out: {count:,} subscriptions ({reason.replace('_', ' ')})"
    for price, count in told["overrides_that_do_not_fit"].items():
        yield f"  {price}: the override of {count:,} subscriptions does not fit, and is left out"
    for currency, part in told["currencies"].items():
        yield from _currency(currency, part)
    yield from _revenues(told["revenue"])
    yield from _usage(told["usage"])
    yield from _ends("Largest rises", told["largest_rises"])
    yield from _ends("Largest falls", told["largest_falls"])


def _currency(currency: str, part: Mapping[str, Any]) -> Iterator[str]:
    sums, places = part["sums"], decimals(currency)
    yield ""
    yield f"{currency}: {part['accounts']:,} accounts"
    for name, word in (("net", "net"), ("total", "with tax")):
        now, then = sums[f"{name}_now"], sums[f"{name}_then"]
        yield (
            f"  revenue {word:<8} {_money(now, places):>16} -> {_money(then, places):>16}"
            f"  {_signed(then - now, places):>14}{_percent(then - now, now)}"
        )
    for name, verb in (("winners", "pay less"), ("losers", "pay more")):
        one = part[name]
        amount = _signed(one["amount"], places)
        yield f"  {name:<9} {one['accounts']:>9,} accounts {verb}, {amount} in all"
    yield f"  unchanged {part['unchanged']['accounts']:>9,} accounts"
    yield "  change of the bill:"
    for bucket in part["buckets"]:
        if bucket["accounts"]:
            yield f"    {bucket['change']:<16} {bucket['accounts']:>9,} accounts"
    yield "  change in money: " + ", ".join(
        f"{name} {_signed(amount, places)}" for name, amount in part["percentiles"].items()
    )


def _revenues(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if rows:
        yield ""
        yield "Revenue by plan, net (difference; with tax)"
    for row in rows:
        places = decimals(row["currency"])
        yield (
            f"  {row['plan']}: {_money(row['net_now'], places)} ->"
            f" {_money(row['net_then'], places)} {row['currency']}"
            f" ({_signed(row['net_difference'], places)}; {_signed(row['difference'], places)})"
        )


def _usage(part: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{part['records']:,} usage records rated anew, {part['rejected']:,} rejected"
    for row in part["rejects"]:
        where = f"plan {row['plan']}, meter {row['meter']}"
        yield f"  {row['reason']}: {row['records']:,} records ({where}; e.g. {row['detail']})"


def _ends(title: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if rows:
        yield ""
        yield title
    for row in rows:
        places = decimals(row["currency"])
        yield (
            f"  {row['account']}: {_money(row['total_now'], places)} ->"
            f" {_money(row['total_then'], places)} {row['currency']}"
            f" ({_signed(row['difference'], places)})"
        )
        for side in ("now", "then"):
            for line in row[f"lines_{side}"]:
                price = line["price_code"] or line["kind"]
                price += " discount" if line["kind"] == "discount" else ""
                amount = _money(line["amount"], places)
                yield f"    {side:<4} {line['plan']}.{price}: {line['expression']} = {amount}"


def bills_csv(bills: pl.DataFrame) -> pl.DataFrame:
    """The bills one by one, for a file: the largest change first."""
    return bills.drop("account_id").sort(
        [pl.col("difference").abs(), pl.col("account")], descending=[True, False]
    )


def _money(amount: Decimal, places: int) -> str:
    return f"{amount:,.{places}f}"


def _signed(amount: Decimal, places: int) -> str:
    return f"{amount:+,.{places}f}"


def _percent(part: Decimal, whole: Decimal) -> str:
    return f" ({part * 100 / whole:+.2f} %)" if whole else ""
