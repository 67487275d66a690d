"""Credit notes by hand: how much may be credited, at which tax, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meterline.access import limits
from meterline.access.errors import ApprovalNeeded
from meterline.billing import services as billing
from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.invoices import reports
from meterline.invoices.adjust import adjust
from meterline.invoices.errors import AdjustedTooMuch, NoAmountToCredit, NothingToAdjust
from meterline.invoices.models import Invoice
from meterline.ledger import services as ledger
from meterline.payments import services as payments
from meterline.platform import audit, clock

MAY = datetime(2024, 4, 30, 22, tzinfo=UTC)
APRIL = datetime(2024, 3, 31, 22, tzinfo=UTC)
JULY = datetime(2024, 6, 30, 22, tzinfo=UTC)
NOW = datetime(2024, 5, 3, 22, 30, tzinfo=UTC)  # in Rome it is the 4th already


def _credit(account: Account, amount: str, **which: object) -> Invoice:
    facts: dict[str, object] = {"price": "base", "from_": MAY} | which
    return adjust(account.pk, amount=Decimal(amount), at=NOW, **facts)  # type: ignore[arg-type]


def test_tax_at_the_rate_of_the_line_and_credit_of_the_account(account: Account) -> None:
    before = payments.balance(account.pk)
    note = _credit(account, "10.00")
    assert note.number == "2024/AC-00000002"
    assert (note.kind, note.net, note.tax, note.total) == ("credit_note", -10, Decimal("-2.2"),
                                                           Decimal("-12.2"))  # fmt: skip
    assert note.issue_date.isoformat() == "2024-05-04"
    assert payments.balance(account.pk).balance == before.balance - Decimal("12.20")
    assert set(ledger.differences(ledger.trial_balance()).values()) <= {0}


def test_untaxed_lines_are_credited_without_tax(account: Account) -> None:
    note = _credit(account, "0.10", price="texts", from_=None)
    assert (note.net, note.tax) == (Decimal("-0.1"), 0)
    assert not note.taxes.exists()


def test_never_more_than_is_left(account: Account) -> None:
    _credit(account, "20.00")  # and 1.00 in the story, of 31.00 less discounts of 3.10 and 2.00
    with pytest.raises(AdjustedTooMuch, match=r"4\.90 EUR are left to credit, not 4\.91"):
        _credit(account, "4.91")
    _credit(account, "4.90")
    with pytest.raises(AdjustedTooMuch, match=r" 0\.00 EUR are left"):
        _credit(account, "0.01")


def test_what_bill_runs_gave_back_is_not_left(account: Account) -> None:
    """Of April's 10.00 less discounts of 3.00, 6.67 less 2.00 came back with the change of plan."""
    with pytest.raises(AdjustedTooMuch, match=r"2\.33 EUR"):
        _credit(account, "2.34", from_=APRIL)
    assert _credit(account, "2.33", from_=APRIL).net == Decimal("-2.33")


@pytest.mark.parametrize("amount", ["0", "-1", "0.001"])
def test_amounts_that_nobody_can_pay(account: Account, amount: str) -> None:
    with pytest.raises(NoAmountToCredit, match="to 2 decimals"):
        _credit(account, amount)


def test_only_of_what_the_account_was_billed(account: Account) -> None:
    other = create_account(code="B", currency="EUR")
    with pytest.raises(NothingToAdjust):
        _credit(other, "1")
    with pytest.raises(NothingToAdjust):
        _credit(account, "1", price="none")
    with pytest.raises(NothingToAdjust):
        _credit(account, "1", from_=NOW)


def test_a_refused_credit_note_leaves_no_gap(account: Account) -> None:
    with pytest.raises(AdjustedTooMuch):
        _credit(account, "1000")
    assert _credit(account, "1").sequence_number == 2


def test_the_next_bill_run_leaves_it_alone_and_uses_the_credit(account: Account) -> None:
    _credit(account, "10.00")
    _credit(account, "0.10", price="texts", from_=None)
    june = datetime(2024, 5, 31, 22, tzinfo=UTC)
    clock.move_to(june)
    billing.run(june, account_codes=["A"], workers=1)
    newest = Invoice.objects.latest("id")
    assert {line.start_at for line in newest.lines.filter(kind="recurring")} == {june}
    assert {line.end_at for line in newest.lines.filter(amount__lt=0)} == {JULY}  # discounts
    assert newest.credit_applied == Decimal("13.52")  # 1.22 of the story, 12.20, 0.10


def test_the_document_names_what_it_credits(story: list[str]) -> None:
    ((_, why),) = reports.explain(story[3])
    assert why.rule == "Monthly fee: credit of what 2024/A-00000003 billed, granted by hand"
    (line,) = reports.document(story[3]).blocks[0].lines
    assert line.detail == "credit of 2024/A-00000003"


def test_credit_and_credit_notes_of_one_person_within_a_day_count_together(
    account: Account,
) -> None:
    clock.move_to(NOW)
    limits.set_limit("EUR", Decimal(25))
    payments.grant_credit(account.pk, Decimal(20))
    _credit(account, "5.00")
    for _turn in range(2):
        with pytest.raises(ApprovalNeeded):
            _credit(account, "0.01")
    with audit.acting_as("user:other@example.com"):
        _credit(account, "5.00")
    clock.move_to(NOW + timedelta(hours=24))
    _credit(account, "5.00")
    with pytest.raises(ApprovalNeeded):
        payments.grant_credit(account.pk, Decimal("20.01"))
