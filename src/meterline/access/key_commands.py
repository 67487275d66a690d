"""`meterline key make | list | revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What will use it.")],
    permission: Annotated[list[str], typer.Option(help="Such as usage.load; more for more.")],
    rate: Annotated[
        int | None, typer.Option(min=1, help="Events a second at most; default: any number.")
    ] = None,
) -> None:
    """Make an API key, and print its secret, this once."""
    from meterline.access import secrets

    _key, secret = secrets.make_key(name, permission, rate=rate)
    typer.echo(secret)


@app.command("list")
def list_() -> None:
    """List the keys that are in force."""
    from meterline.access.models import ApiKey

    for key in ApiKey.objects.filter(revoked_at=None).order_by("created_at"):
        rate = "" if key.rate is None else f" (at most {key.rate:,} events a second)"
        typer.echo(f"{key.prefix:<12} {key.name}: {', '.join(key.permissions)}{rate}")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="What the key begins with.")]) -> None:
    """Refuse a key from now on."""
    from meterline.access import secrets

    secrets.revoke_key(prefix)
    typer.echo(f"{prefix} is refused from now on.")
