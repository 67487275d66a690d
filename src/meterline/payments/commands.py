"""`meterline pay` and `meterline payment`: money in, money back, balances."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Payments.", no_args_is_help=True)
_console = Console()

AccountArgument = Annotated[str, typer.Argument(help="Code of the account.")]
AmountArgument = Annotated[str, typer.Argument(help="Amount, such as 10.00.")]
InvoiceOption = Annotated[str | None, typer.Option(help="Number of the invoice to settle first.")]
AtOption = Annotated[str | None, typer.Option(help="Date or instant; default: now.")]
ReferenceOption = Annotated[str, typer.Option(help="What the payer wrote.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def pay(
    account: AccountArgument,
    amount: AmountArgument,
    currency: Annotated[
        str | None, typer.Option(help="Refused if it is not the account's.")
    ] = None,
    invoice: InvoiceOption = None,
    at: AtOption = None,
    reference: ReferenceOption = "",
    code: Annotated[
        str | None, typer.Option(help="The payment's own code: the same again changes nothing.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Record a payment and allocate it: to the invoice named, then to the oldest ones."""
    from meterline.payments import services

    made = services.pay(
        _account_id(account), money_of(amount), currency=currency, invoice=invoice,
        at=instant_of(at, account), reference=reference, code=code,
    )  # fmt: skip
    show_payment(made, account, as_json)


@app.command("credit")
def credit_command(
    account: AccountArgument,
    amount: AmountArgument,
    reason: Annotated[str, typer.Option(help="Why it is granted.")] = "",
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grant credit; the next invoice uses it."""
    from meterline.payments import services

    made = services.grant_or_ask(
        _account_id(account), money_of(amount), at=instant_of(at, account), reason=reason
    )
    show_granted(made, account, as_json)


@app.command("refund")
def refund_command(
    account: AccountArgument,
    amount: AmountArgument,
    invoice: InvoiceOption = None,
    at: AtOption = None,
    reference: ReferenceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Pay credit back, or what was paid on an invoice, which is open again then."""
    from meterline.payments import services

    made = services.refund(
        _account_id(account),
        money_of(amount),
        invoice=invoice,
        at=instant_of(at, account),
        reference=reference,
    )
    show_payment(made, account, as_json)


@app.command("chargeback")
def chargeback_command(
    account: AccountArgument,
    amount: AmountArgument,
    invoice: InvoiceOption = None,
    at: AtOption = None,
    reference: ReferenceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record that a bank took a payment back; what it settled is open again."""
    from meterline.payments import services

    made = services.chargeback(
        _account_id(account),
        money_of(amount),
        invoice=invoice,
        at=instant_of(at, account),
        reference=reference,
    )
    show_payment(made, account, as_json)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV: account,amount,at and currency,...")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the rows; record nothing.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="File for refused rows; default: beside FILE.")
    ] = None,
) -> None:
    """Record the payments of a bank statement (CSV). Refused rows come back in a file."""
    from meterline.payments.statement import import_statement

    report = import_statement(file, dry_run=dry_run, rejects=rejects)
    word = "would be recorded" if dry_run else "recorded"
    _console.print(f"{report.rows:,} rows: {report.created:,} {word}, {report.rejected:,} refused")
    if report.rejects is not None:
        _console.print(f"Refused rows: {report.rejects}", markup=False)


@app.command("list")
def list_command(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The newest payments."""
    from meterline.payments.models import Payment

    found = Payment.objects.select_related("account").order_by("-id")
    if account is not None:
        found = found.filter(account_id=_account_id(account))
    rows = [_row(payment) for payment in found[:limit]]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("payment", "account", "kind", "at", "currency", "reference")
    table.add_column("amount", justify="right")
    for row in rows:
        texts = (row[name] for name in ("code", "account", "kind", "at", "currency", "reference"))
        table.add_row(*texts, row["amount"])
    _console.print(table)


@app.command("show")
def show_command(
    payment: Annotated[str, typer.Argument(help="Code of the payment.")],
    as_json: JsonOption = False,
) -> None:
    """A payment and the invoices that it went to."""
    from meterline.payments.errors import UnknownPayment
    from meterline.payments.models import Payment

    found = Payment.objects.select_related("account").filter(code=payment).first()
    if found is None:
        raise UnknownPayment(payment=payment)
    parts = found.allocation_set.select_related("invoice").order_by("id")
    rows = [
        {"invoice": part.invoice.number, "amount": written_amount(part.amount, found.currency)}
        for part in parts
    ]
    told = {**_row(found), "method": found.method}
    if as_json:
        typer.echo(json.dumps({**told, "allocations": rows}, indent=2))
        return
    for name, value in told.items():
        _console.print(f"{name}: {value}", markup=False)
    for row in rows:
        _console.print(f"{row['invoice']}: {row['amount']}", markup=False)


@app.command("balance")
def balance_command(
    account: AccountArgument, at: AtOption = None, as_json: JsonOption = False
) -> None:
    """What an account owes now, and what of it is overdue at an instant."""
    from meterline.payments import services

    found = services.balance(_account_id(account), instant_of(at, account))
    told = {
        name: written_amount(value, found.currency) if isinstance(value, Decimal) else value
        for name, value in vars(found).items()
    }
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        _console.print(f"{name}: {value}", markup=False)


def show_granted(made: Any, account: str, as_json: bool) -> None:
    """Print credit just granted, or that a second person was asked for it."""
    from meterline.access.models import Approval

    if not isinstance(made, Approval):
        show_payment(made, account, as_json)
    elif as_json:
        typer.echo(json.dumps({"approval": made.pk, "state": made.state, **made.payload}, indent=2))
    else:
        _console.print(
            f"It is above the limit: approval {made.pk} waits for a second person. Once it is"
            " approved, give the same command again.",
            markup=False,
        )


def show_payment(payment: Any, account: str, as_json: bool) -> None:
    """Print a payment just recorded, and what the account owes now."""
    from meterline.payments import services

    if as_json:
        typer.echo(json.dumps(_row(payment), indent=2))
        return
    now = services.balance(payment.account_id)
    amount, receivable, credit = (
        written_amount(figure, now.currency)
        for figure in (payment.amount, now.receivable, now.credit)
    )
    _console.print(
        f"{payment.kind} {payment.code}: {amount} {now.currency}."
        f" {account} owes {receivable}, credit {credit}.",
        markup=False,
    )


def _row(payment: Any) -> dict[str, str]:
    return {
        "code": payment.code, "account": payment.account.code, "kind": payment.kind,
        "at": payment.at.isoformat(), "currency": payment.currency,
        "reference": payment.reference, "amount": written_amount(payment.amount, payment.currency),
    }  # fmt: skip


def written_amount(amount: Decimal, currency: str) -> str:
    """An amount as people read it."""
    from meterline.payments.check import written

    return written(amount, currency)


def _account_id(code: str) -> int:
    return int(account_of(code).pk)


def account_of(code: str) -> Any:
    """The account of a code. Raises UnknownAccount."""
    from meterline.customers.services import account_by_code

    return account_by_code(code)


def money_of(text: str) -> Decimal:
    """An amount from the command line."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"expected an amount such as 10.00, not {text}") from None


def instant_of(text: str | None, account: str) -> datetime | None:
    """A date alone is the beginning of that day in the account's zone."""
    from meterline.payments.statement import instant

    return None if text is None else instant(text, account_of(account).timezone)
