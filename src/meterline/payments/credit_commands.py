"""`meterline credit`: credit with priority, expiry and purpose."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from meterline.customers.commands import show_rows
from meterline.payments.commands import (
    AccountArgument,
    AmountArgument,
    AtOption,
    JsonOption,
    account_of,
    instant_of,
    money_of,
    show_granted,
    show_payment,
    written_amount,
)

app = typer.Typer(help="Credit that is granted to accounts.", no_args_is_help=True)
_console = Console()

GrantArgument = Annotated[str, typer.Argument(help="Code of the grant, such as P-00000012.")]


@app.command("grant")
def grant_command(
    account: AccountArgument,
    amount: AmountArgument,
    priority: Annotated[int, typer.Option(help="Lower ones are used first.")] = 100,
    expires: Annotated[
        str | None, typer.Option(help="Date or instant from which it is lost; default: never.")
    ] = None,
    pays_for: Annotated[
        list[str] | None,
        typer.Option("--for", help="all, usage, or the code of a price (repeatable)."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it is granted.")] = "",
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grant credit; the next invoices use it."""
    from meterline.payments import services
    from meterline.payments.grants import Terms

    words = pays_for or ["all"]
    if len(words) > 1 and {"all", "usage"} & set(words):
        raise typer.BadParameter("expected --for all, --for usage, or codes of prices")
    terms = Terms(
        priority=priority,
        expires_at=instant_of(expires, account),
        only_usage=words == ["usage"],
        price_codes=() if words in (["all"], ["usage"]) else tuple(words),
    )
    made = services.grant_or_ask(
        account_of(account).pk, money_of(amount), at=instant_of(at, account), reason=reason,
        terms=terms,
    )  # fmt: skip
    show_granted(made, account, as_json)


@app.command("limit")
def limit_command(
    currency: Annotated[str, typer.Argument(help="Currency, such as EUR.")],
    amount: Annotated[
        str | None, typer.Argument(help="The new limit, or `usual`; default: show it.")
    ] = None,
) -> None:
    """What one person may give away alone, as credit or by a credit note; above it a second one
    has to approve."""
    from meterline.access import limits

    if amount is not None:
        limits.set_limit(currency, None if amount == "usual" else money_of(amount))
    shown = written_amount(limits.limit(currency), currency)
    _console.print(f"One person may give away {shown} {currency} alone.", markup=False)


@app.command("list")
def list_command(account: AccountArgument, as_json: JsonOption = False) -> None:
    """Show an account's grants, in the order in which they are used."""
    from meterline.payments import grants

    rows = [_row(one) for one in grants.listing(account_of(account).pk)]
    fields = ("grant", "granted", "amount", "left", "currency", "priority", "expires", "for")
    show_rows(rows, fields, as_json)


@app.command("show")
def show_command(grant: GrantArgument, as_json: JsonOption = False) -> None:
    """Show a grant, and what was taken from it by which invoice."""
    from meterline.payments import grants

    found = grants.by_code(grant)
    uses = [
        {
            "at": use.at.isoformat(), "kind": use.kind,
            "invoice": use.invoice.number if use.invoice else "",
            "amount": written_amount(use.amount, found.currency),
        }
        for use in found.uses.select_related("invoice").order_by("id")
    ]  # fmt: skip
    told = {**_row(found), "account": found.payment.account.code}
    if as_json:
        typer.echo(json.dumps({**told, "uses": uses}, indent=2))
        return
    for name, value in told.items():
        _console.print(f"{name}: {value}", markup=False)
    show_rows(uses, ("at", "kind", "invoice", "amount"), False)


@app.command("void")
def void_command(
    grant: GrantArgument,
    reason: Annotated[str, typer.Option(help="Why it is taken back.")] = "",
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what is left of a grant."""
    from meterline.payments import grants

    account = grants.by_code(grant).payment.account.code
    made = grants.void(grant, at=instant_of(at, account), reason=reason)
    show_payment(made, account, as_json)


@app.command("expire")
def expire_command(as_json: JsonOption = False) -> None:
    """Write off what is left of grants that have expired; bill runs do so themselves."""
    from meterline.payments import grants

    written = grants.expire()
    if as_json:
        typer.echo(json.dumps({"grants": written}))
        return
    _console.print(f"{written:,} grants have expired.")


def _row(grant: Any) -> dict[str, Any]:
    what = "usage" if grant.only_usage else ", ".join(grant.price_codes) or "all"
    return {
        "grant": grant.payment.code, "granted": _text(grant.payment.at),
        "amount": written_amount(grant.amount, grant.currency),
        "left": written_amount(grant.remaining, grant.currency), "currency": grant.currency,
        "priority": grant.priority, "expires": _text(grant.expires_at), "for": what,
    }  # fmt: skip


def _text(at: datetime | None) -> str:
    return at.isoformat() if at else ""
