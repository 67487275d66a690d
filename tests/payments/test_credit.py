"""Which credit a document uses: the columns against a reference that looks at one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.kernel.money import MONEY
from meterline.payments.credit import GRANTS, PARTS, USES, use

START = datetime(2026, 1, 1, tzinfo=UTC)
cents = st.integers(1, 2000).map(lambda n: Decimal(n) / 100)
PRICES = ("base", "calls", "texts")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One account: its document by price, its own credit, its grants."""

    parts: dict[str, Decimal]
    own: Decimal
    grants: list[dict[str, Any]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return Case(
        parts=draw(st.dictionaries(st.sampled_from(PRICES), cents, max_size=3)),
        own=draw(st.one_of(st.just(Decimal(0)), cents)),
        grants=draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "left": cents,
                        "priority": st.sampled_from([1, 100, 200]),
                        "expires_at": st.sampled_from(
                            [None, START + timedelta(days=5), START + timedelta(days=9)]
                        ),
                        "only_usage": st.booleans(),
                        "price_codes": st.lists(st.sampled_from(PRICES), max_size=2, unique=True),
                        "usable": st.sampled_from([True, True, True, False]),
                    }
                ),
                max_size=4,
            )
        ),
    )


def reference(case: Case, ids: list[int]) -> list[tuple[int | None, Decimal]]:
    """(grant or None, amount), one source after the other, part by part."""
    sources = [
        (one["priority"], one["expires_at"] or datetime.max.replace(tzinfo=UTC), number, one)
        for number, one in zip(ids, case.grants, strict=True)
        if one["usable"]
    ]
    plain = {"left": case.own, "only_usage": False, "price_codes": []}
    sources.append((100, datetime.max.replace(tzinfo=UTC), -1, plain))
    total, waiting, made = sum(case.parts.values(), Decimal(0)), dict(case.parts), []
    for _, _, number, one in sorted(sources, key=lambda source: source[:3]):
        codes = [
            code for code in waiting
            if (not one["only_usage"] or code != "base")
            and (not one["price_codes"] or code in one["price_codes"])
        ]  # fmt: skip
        bound = one["only_usage"] or one["price_codes"]
        most = sum((waiting[code] for code in codes), Decimal(0)) if bound else total
        taken = min(one["left"], total, most)
        total -= taken
        if bound:
            rest = taken
            for code in codes:
                paid = min(rest, waiting[code])
                waiting[code], rest = waiting[code] - paid, rest - paid
        if taken:
            made.append((None if number < 0 else number, taken))
    return made


@settings(deadline=None)
@given(st.lists(cases(), min_size=1, max_size=4))
def test_columns_use_credit_like_one_at_a_time(drawn: list[Case]) -> None:
    documents, credits, grants, parts, expected = [], [], [], [], {}
    for account, case in enumerate(drawn):
        ids = [100 * account + number for number in range(len(case.grants))]
        documents.append((account, "EUR", sum(case.parts.values(), Decimal(0))))
        held = case.own + sum((one["left"] for one in case.grants), Decimal(0))
        if held:
            credits.append((account, "EUR", held))
        grants += [
            {"grant_id": number, "account_id": account, "currency": "EUR", **one}
            for number, one in zip(ids, case.grants, strict=True)
        ]
        parts += [(account, code != "base", code, amount) for code, amount in case.parts.items()]
        expected[account] = reference(case, ids)
    made, uses = use(
        frame(documents, {"account_id": pl.Int64, "currency": pl.String, "total": MONEY}),
        frame(credits, {"account_id": pl.Int64, "currency": pl.String, "credit": MONEY}),
        pl.DataFrame(grants, schema=GRANTS),
        lambda: frame(parts, PARTS),
    )
    assert uses.schema == USES
    for account, taken in expected.items():
        own = uses.filter(pl.col("account_id") == account).select("grant_id", "amount")
        assert sorted(own.rows(), key=str) == sorted(taken, key=str)
        row = made.row(account, named=True)
        assert row["credit_applied"] == sum((amount for _, amount in taken), Decimal(0))
        assert row["due"] == row["total"] - row["credit_applied"] >= 0


def frame(rows: list[Any], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")
