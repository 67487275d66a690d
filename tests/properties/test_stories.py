"""What always holds, whatever the catalogue, the contracts and the usage."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing.world import rows
from hypothesis import given
from hypothesis import strategies as st
from properties.play import (
    charged,
    check_explanations,
    documents,
    drawn,
    due,
    played,
    random_stories,
    totals,
)
from properties.stories import FIRST, LENGTH, Story, deliveries, instants, stories

from meterline.billing import services as billing
from meterline.platform import clock
from meterline.scenario.made import issued, previewed
from meterline.usage import services as usage

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@random_stories
@given(data=st.data())
def test_usage_comes_to_the_same_however_it_arrives(home: Path, data: st.DataObject) -> None:
    story = data.draw(stories())
    found = []
    for name, parts in (("in time", None), ("as it came", data.draw(deliveries(story)))):
        with played(story.document(name, parts)) as refused:
            usage.recycle()
            billing.run(workers=1)
            found.append((refused, totals(), drawn(), _billed_usage()))
    assert found[0] == found[1]


def _billed_usage() -> dict[tuple[Any, ...], Any]:
    """What usage should come to, by whole periods; it is what was billed, whose lines may say
    other ends: a bill made while a period ran knows nothing of a pause to come."""
    wanted = due()
    by_start: dict[tuple[Any, ...], Any] = {}
    for (code, plan, price, start, _, *more), amount in wanted.items():
        key = (code, plan, price, start, *more)
        by_start[key] = by_start.get(key, 0) + amount
    assert by_start == _sums(charged("l.kind = 'usage'"))
    return wanted


def _sums(found: dict[tuple[Any, ...], tuple[Any, int]]) -> dict[tuple[Any, ...], Any]:
    """What each period came to, by its start."""
    sums: dict[tuple[Any, ...], Any] = {}
    for (code, _kind, price, start, _end, *more, plan), (amount, _) in found.items():
        key = (code, plan, price, start, *more)
        sums[key] = sums.get(key, 0) + amount
    return {key: amount for key, amount in sums.items() if amount}


@st.composite
def _money(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Payments, credit and credit notes after each bill."""
    step = st.one_of(
        st.builds(
            lambda account, amount, do: {"do": do, "account": account, "amount": amount},
            st.sampled_from("AB"), st.integers(1, 80), st.sampled_from(["pay", "credit"]),
        ),
        st.builds(
            lambda account, price, amount: {
                "do": "adjust", "account": account, "amount": amount, "line": {"price": price}
            },
            st.sampled_from("AB"), st.sampled_from(["fee0", "calls", "kwh"]), st.integers(1, 9),
        ),
    )  # fmt: skip
    return draw(st.lists(step, max_size=3))


@random_stories
@given(data=st.data())
def test_bills_are_previewed_final_and_explained(home: Path, data: st.DataObject) -> None:
    story = data.draw(stories())
    parts, money = data.draw(deliveries(story)), data.draw(_money())
    seen: list[Any] = []
    kept: list[Any] = []

    def before(world: Any, step: Any) -> None:
        assert documents()[: len(kept)] == kept
        seen[:] = [
            _picture(one)
            for one in previewed(
                [d for code in world.accounts for d in billing.preview(world.accounts[code])]
            )
        ]
        kept[:] = documents()

    def after(world: Any, step: Any) -> None:
        known = {row[0] for row in kept}
        now = documents()
        assert [row for row in now if row[0] in known] == kept
        ids = sorted({row[0] for row in now} - known)
        assert sorted(_picture(one) for one in issued(ids)) == sorted(seen)
        assert billing.run(workers=1).invoice_ids == []
        kept[:] = now

    with played(story.document("all of it", parts, money=money), before, after):
        assert documents()[: len(kept)] == kept
        check_explanations()
        _check_credit_notes()
        _check_balances()


def _picture(one: Any) -> tuple[Any, ...]:
    lines = sorted(
        (line.price or "", line.kind, line.subscription or "", str(line.start), str(line.end),
         line.amount, str(line.quantity), line.band or "", sorted(line.allowances))
        for line in one.lines
    )  # fmt: skip
    return (one.account, one.net, one.tax, one.total, one.credit_applied, one.due, lines)


def _check_credit_notes() -> None:
    """No line is credited by hand beyond its amount."""
    assert rows(
        """
        SELECT l.id FROM invoices_line l JOIN invoices_line a ON a.kind = 'adjustment'
            AND a.track = 'adjustment|' || l.id
        GROUP BY l.id, l.amount HAVING l.amount + sum(a.amount) < 0
        """
    ) == []  # fmt: skip


def _check_balances() -> None:
    """An account owes its documents less what it paid."""
    assert rows(
        """
        SELECT a.code FROM customers_account a WHERE
            coalesce((SELECT sum(total) FROM invoices_invoice i WHERE i.account_id = a.id), 0)
            - coalesce((SELECT sum(amount) FROM payments_payment p
                        WHERE p.account_id = a.id AND p.kind = 'payment'), 0)
            - coalesce((SELECT sum(amount) FROM payments_payment p
                        WHERE p.account_id = a.id AND p.kind = 'credit'), 0)
            <> coalesce((SELECT sum(amount) FROM ledger_line l WHERE l.account_id = a.id
                         AND l.ledger_account IN ('receivable', 'customer_credit')), 0)
        """
    ) == []  # fmt: skip


@random_stories
@given(data=st.data())
def test_progressive_bills_come_to_the_same(home: Path, data: st.DataObject) -> None:
    """Once the periods have ended in which they were made: until then what they charged stands."""
    story = data.draw(stories())
    parts = data.draw(deliveries(story))
    between = data.draw(st.lists(instants(FIRST + timedelta(days=9)), min_size=1, max_size=3))
    found = []
    for name, progressive in (("once a period", ()), ("to date", tuple(sorted(between)))):
        with played(story.document(name, parts, progressive=progressive)):
            clock.move_to(clock.now() + timedelta(days=100))
            billing.run(workers=1)
            found.append(_billed_usage())
    assert found[0] == found[1]


@random_stories
@given(data=st.data())
def test_month_by_month_comes_to_the_same_as_once(home: Path, data: st.DataObject) -> None:
    """To the unit where charges are compared by value. What was billed in advance comes back as
    a rounded share, so each such line may leave one smallest unit of the currency."""
    story = data.draw(stories(moved_days=False).filter(_credits))
    parts = data.draw(deliveries(story))
    found = []
    for name, bills in (("month by month", True), ("once", False)):
        with played(story.document(name, parts, bills=bills)):
            usage.recycle()
            billing.run(workers=1)
            once_only = _sums(charged("l.kind = 'one_time'"))
            found.append(((_billed_usage(), once_only), _by_price()))
    assert found[0][0] == found[1][0]
    for key in found[0][1].keys() | found[1][1].keys():
        (often, lines), (once, others) = (one.get(key, (Decimal(0), 0)) for _, one in found)
        unit = Decimal(1).scaleb(-{"JPY": 0, "KWD": 3}.get(story.catalog["currency"], 2))
        assert abs(often - once) <= (lines + others) * unit, (key, often, once)


def _credits(story: Story) -> bool:
    """Whether all that is billed in advance and not used comes back."""
    plans = [*story.catalog["plans"].values()]
    for one in story.contracts:
        plans += one.step.get("catalog", {"plans": {}})["plans"].values()
    parts = [story.catalog, *plans, *(price for plan in plans for price in plan["prices"].values())]
    return all(part.get("policy", {}).get("credit") != "none" for part in parts)


def _by_price() -> dict[tuple[Any, ...], tuple[Any, int]]:
    """What recurring prices come to in all."""
    found = rows(
        """
        SELECT s.code, l.price_code, sum(l.amount), count(*) FROM invoices_line l
        JOIN subscriptions_subscription s ON s.id = l.subscription_id
        WHERE l.kind = 'recurring' GROUP BY 1, 2
        """
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in found}


class _Killed(BaseException):
    """The run ends here."""


@random_stories
@given(data=st.data())
def test_an_interrupted_run_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    story = data.draw(stories())
    last = story.document("interrupted", data.draw(deliveries(story)))
    last["steps"] = last["steps"][:-1]
    end = FIRST + LENGTH + timedelta(days=1)
    found = []
    monkeypatch.setattr(billing, "CHUNK_SIZE", 1)
    for killed in (False, True):
        with played(last):
            clock.move_to(end)
            if killed:
                with pytest.raises(_Killed):
                    billing.run(workers=1, progress=_kill)
                billing.resume(workers=1)
            else:
                billing.run(workers=1)
            assert billing.run(workers=1).invoice_ids == []
            found.append(
                rows(
                    """
                    SELECT i.total, i.due, s.code, l.kind, l.price_code, l.start_at, l.end_at,
                        l.band, l.by_value, l.amount
                    FROM invoices_line l JOIN invoices_invoice i ON i.id = l.invoice_id
                    LEFT JOIN subscriptions_subscription s ON s.id = l.subscription_id
                    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
                    """
                )
            )
    assert found[0] == found[1]


def _kill(done: int, of: int) -> None:
    raise _Killed


@random_stories
@given(data=st.data())
def test_backing_out_is_as_if_it_had_never_come(home: Path, data: st.DataObject) -> None:
    story = data.draw(stories(back_dated=False))
    wrong = [one.written for one in story.usage if int(one.step["id"][1:]) % 2]
    right = [one.written for one in story.usage if not int(one.step["id"][1:]) % 2]
    begun = [one.written for one in (*story.begun, *story.contracts)]
    bill = {"at": story.bills[-1].isoformat(), "do": "bill"}
    found = []
    for batch in ([], wrong):
        document = story.document("backed out")
        document["steps"] = [*begun, *batch, bill, *right, bill]
        with played(document):
            if batch:
                ((first,),) = rows("SELECT min(id) FROM usage_batch")
                usage.back_out(first)
            usage.recycle()
            billing.run(workers=1)
            found.append((totals(), drawn(), _billed_usage()))
    assert found[0] == found[1]
