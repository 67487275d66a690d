"""`meterline discount`: give discounts, end them, redeem promotion codes."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from meterline.customers.commands import JsonOption, show_rows
from meterline.subscriptions.commands import AtOption, local_instant, local_text

app = typer.Typer(help="Discounts and promotion codes.", no_args_is_help=True)
_console = Console()

DiscountArgument = Annotated[str, typer.Argument(help="Code of the discount.")]
SubscriptionOption = Annotated[
    str | None, typer.Option("--subscription", help="Code of the subscription.")
]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="Code of the account, for all that it has.")
]


@app.command("give")
def give_command(
    discount: DiscountArgument,
    subscription: SubscriptionOption = None,
    account: AccountOption = None,
    at: AtOption = None,
) -> None:
    """Give a discount, on charge periods that begin from then on."""
    from meterline.subscriptions import discounts

    holder = _holder(subscription, account)
    row = discounts.give(discount, holder, local_instant(at, holder.account.timezone))
    since = local_text(row.since_at, holder.account.timezone)
    _console.print(f"{holder.name} has discount {discount} from {since}.", markup=False)


@app.command("end")
def end_command(
    discount: DiscountArgument,
    subscription: SubscriptionOption = None,
    account: AccountOption = None,
    at: AtOption = None,
) -> None:
    """End a discount; charge periods that begin from then on are without it."""
    from meterline.subscriptions import discounts

    holder = _holder(subscription, account)
    row = discounts.end(discount, holder, local_instant(at, holder.account.timezone))
    until = local_text(row.until_at, holder.account.timezone)
    _console.print(f"{holder.name} has discount {discount} until {until}.", markup=False)


@app.command("redeem")
def redeem_command(
    promotion: Annotated[str, typer.Argument(help="The promotion code.")],
    subscription: Annotated[str, typer.Argument(help="Code of the subscription.")],
    at: AtOption = None,
) -> None:
    """Redeem a promotion code for a subscription."""
    from meterline.subscriptions import discounts

    holder = _holder(subscription, None)
    moment = local_instant(at, holder.account.timezone)
    row = discounts.redeem(promotion, subscription, moment)
    _console.print(f"{holder.name} has discount {row.discount_code}.", markup=False)


@app.command("list")
def list_command(
    subscription: SubscriptionOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the discounts that a subscription, or an account with all it has, was given."""
    from meterline.subscriptions import discounts

    rows = discounts.listing(_holder(subscription, account))
    show_rows(rows, ("discount", "holder", "since", "until", "promotion"), as_json)


def _holder(subscription: str | None, account: str | None) -> Any:
    from meterline.subscriptions import discounts

    if (subscription is None) == (account is None):
        raise typer.BadParameter("expected either --subscription or --account")
    return discounts.holder(subscription=subscription, account=account)
