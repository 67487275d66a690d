"""Matching of expected and made lines, and the text of a difference."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from meterline.scenario.expect import ExpectedInvoice, ExpectedLine
from meterline.scenario.match import match
from meterline.scenario.picture import MadeInvoice, MadeLine, compare, fits

ROME = ZoneInfo("Europe/Rome")


def line(amount: str, price: str = "base", quantity: str | None = None) -> MadeLine:
    return MadeLine(
        price=price,
        kind="recurring",
        subscription="s1",
        start=datetime(2024, 1, 1, tzinfo=ROME).astimezone(UTC),
        end=datetime(2024, 2, 1, tzinfo=ROME).astimezone(UTC),
        quantity=None if quantity is None else Decimal(quantity),
        amount=Decimal(amount),
        band=None,
    )


def invoice(*lines: MadeLine, account: str = "A") -> MadeInvoice:
    net = sum((one.amount for one in lines), Decimal(0))
    return MadeInvoice(
        id=1, account=account, currency="EUR", net=net, tax=Decimal(0), total=net,
        credit_applied=Decimal(0), due=net, lines=lines,
    )  # fmt: skip


def differences(made: list[MadeInvoice], *expected: dict[str, object]) -> list[str]:
    wanted = [ExpectedInvoice.model_validate(one) for one in expected]
    return compare(wanted, made, {"A": ROME, "B": ROME})[0]


@given(
    st.integers(0, 4).flatmap(
        lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), max_size=4)
    )
)
def test_as_many_pairs_as_any_assignment_has(table: list[list[bool]]) -> None:
    width = len(table[0]) if table else 0
    paired = match(range(len(table)), range(width), lambda i, j: table[i][j])
    assert all(table[i][j] for i, j in paired.items())
    assert len(set(paired.values())) == len(paired)
    slots = [*range(width), *[None] * len(table)]
    best = max(
        sum(j is not None and table[i][j] for i, j in enumerate(order))
        for order in set(permutations(slots, len(table)))
    )
    assert len(paired) == best


def test_a_vague_line_leaves_the_exact_one_to_its_partner() -> None:
    made = [invoice(line("1.00"), line("2.00"))]
    lines = [{"price": "base"}, {"price": "base", "amount": "1.00"}]
    assert differences(made, {"account": "A", "lines": lines}) == []


def test_bounds_are_midnights_in_the_accounts_zone() -> None:
    wanted = ExpectedLine.model_validate({"from": "2024-01-01", "to": "2024-02-01"})
    assert fits(wanted, line("1"), ROME)
    assert not fits(wanted, line("1"), ZoneInfo("UTC"))
    instant = ExpectedLine.model_validate({"from": "2023-12-31T23:00:00Z"})
    assert fits(instant, line("1"), ROME)


def test_figures_compare_as_decimals() -> None:
    wanted = ExpectedLine.model_validate({"amount": "1.5", "quantity": 2})
    assert fits(wanted, line("1.5000000000", quantity="2.0000000000"), ROME)
    assert not fits(wanted, line("1.5000000001", quantity="2"), ROME)


def test_a_line_left_over_is_a_difference_unless_others_are_allowed() -> None:
    made = [invoice(line("1.00"), line("2.00"))]
    one = {"account": "A", "lines": [{"amount": "1.00"}]}
    (text,) = differences(made, one)
    assert "(nothing)" in text and "base recurring s1 2024-01-01..2024-02-01 = 2.00" in text
    assert differences(made, one | {"others": "allowed"}) == []


def test_every_figure_is_named() -> None:
    texts = differences([invoice(line("1.00"))], {"account": "A", "net": 2, "due": "1.01"})
    assert texts == ["A: net expected 2, made 1.00", "A: due expected 1.01, made 1.00"]


def test_documents_that_are_missing_or_too_many() -> None:
    made = [invoice(line("1.00")), invoice(line("2.00"))]
    texts = differences(made, {"account": "A", "net": 2}, {"account": "B"})
    assert texts[0] == "expected an invoice of account B, none was made"
    assert texts[1].startswith("an invoice too many: A 1.00 EUR")
    assert differences([]) == []


def test_two_documents_of_an_account_in_any_order() -> None:
    made = [invoice(line("1.00")), invoice(line("2.00"))]
    assert differences(made, {"account": "A", "net": 2}, {"account": "A", "net": 1}) == []
