"""`meterline portal invite | list | remove`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def invite(
    customer: str,
    email: str,
    name: Annotated[str, typer.Option(help="How the user is called.")] = "",
) -> None:
    """Let somebody see a customer's accounts; sends a link that lets in once, and prints it."""
    from django.conf import settings

    from meterline.portal import services

    path = services.invite(customer, email, name=name)
    typer.echo(f"{email} is invited: {settings.SITE_URL}{path}")


@app.command("list")
def list_(customer: str) -> None:
    """List who sees a customer's accounts."""
    from meterline.customers.services import customer_by_code
    from meterline.portal import services

    for one in services.users_of(customer_by_code(customer)):
        came = "came in" if one.welcomed_at else "invited"
        typer.echo(f"{one.user.email:<40} {came}, by {one.invited_by}")


@app.command()
def remove(customer: str, email: str) -> None:
    """Take a user's access away."""
    from meterline.portal import services

    services.take_away(customer, email)
    typer.echo(f"{email} cannot sign in any more.")
