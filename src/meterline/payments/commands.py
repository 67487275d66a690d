"""`meterline pay` and `meterline payment`: money in, money back, balances."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from meterline.platform.instants import parse_date_or_instant

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
        _account_id(account), _amount(amount), currency=currency, invoice=invoice, at=_at(at),
        reference=reference, code=code,
    )  # fmt: skip
    _tell(made, account, as_json)


@app.command("credit")
def credit_command(
    account: AccountArgument,
    amount: AmountArgument,
    reason: Annotated[str, typer.Option(help="Why it is granted.")] = "",
    at: AtOption = None,
) -> None:
    """Grant credit; the next invoice uses it."""
    from meterline.payments import services

    made = services.grant_credit(_account_id(account), _amount(amount), at=_at(at), reason=reason)
    _tell(made, account, False)


@app.command("refund")
def refund_command(
    account: AccountArgument,
    amount: AmountArgument,
    invoice: InvoiceOption = None,
    at: AtOption = None,
    reference: ReferenceOption = "",
) -> None:
    """Pay credit back, or what was paid on an invoice, which is open again then."""
    from meterline.payments import services

    made = services.refund(
        _account_id(account), _amount(amount), invoice=invoice, at=_at(at), reference=reference
    )
    _tell(made, account, False)


@app.command("chargeback")
def chargeback_command(
    account: AccountArgument,
    amount: AmountArgument,
    invoice: InvoiceOption = None,
    at: AtOption = None,
    reference: ReferenceOption = "",
) -> None:
    """Record that a bank took a payment back; what it settled is open again."""
    from meterline.payments import services

    made = services.chargeback(
        _account_id(account), _amount(amount), invoice=invoice, at=_at(at), reference=reference
    )
    _tell(made, account, False)


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


@app.command("balance")
def balance_command(account: AccountArgument, as_json: JsonOption = False) -> None:
    """What an account owes."""
    from meterline.payments import services

    found = services.balance(_account_id(account))
    told = {name: str(value) for name, value in vars(found).items()}
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        _console.print(f"{name}: {value}", markup=False)


def _tell(payment: Any, account: str, as_json: bool) -> None:
    from meterline.payments import services

    if as_json:
        typer.echo(json.dumps(_row(payment), indent=2))
        return
    now = services.balance(payment.account_id)
    _console.print(
        f"{payment.kind} {payment.code}: {payment.amount:.2f} {payment.currency}."
        f" {account} owes {now.receivable:.2f}, credit {now.credit:.2f}."
    )


def _row(payment: Any) -> dict[str, str]:
    return {
        "code": payment.code, "account": payment.account.code, "kind": payment.kind,
        "at": payment.at.isoformat(), "currency": payment.currency,
        "reference": payment.reference, "amount": f"{payment.amount:.2f}",
    }  # fmt: skip


def _account_id(code: str) -> int:
    from meterline.customers.services import account_by_code

    return int(account_by_code(code).pk)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"expected an amount such as 10.00, not {text}") from None


def _at(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = parse_date_or_instant(text)
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(0), UTC)
