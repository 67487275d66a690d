"""`meterline user add | list | role`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def add(
    email: str,
    role: Annotated[list[str], typer.Option(help="Such as billing; more than once for more.")],
    name: Annotated[str, typer.Option(help="The name that others see.")] = "",
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password; else print a sign-in link.")
    ] = False,
) -> None:
    """Add a user with roles; prints a path that signs in once, where no password is asked for."""
    from meterline.access import secrets, services

    given = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    )
    user = services.add_user(email, name=name, roles=role, password=given)
    typer.echo(f"{user.email} added.")
    if given is None:
        typer.echo(f"Sign in once by /sign-in/{secrets.make_link(user)} on this machine.")


@app.command("list")
def list_() -> None:
    """List users with their roles."""
    from meterline.access.models import User

    for user in User.objects.prefetch_related("roles").order_by("email"):
        roles = ", ".join(role.code for role in user.roles.all()) or "no role"
        typer.echo(f"{user.email:<40} {roles}{'' if user.is_active else ' (inactive)'}")


@app.command()
def role(email: str, roles: list[str]) -> None:
    """Give a user exactly these roles."""
    from meterline.access import services

    services.set_roles(email, roles)
    typer.echo(f"{email}: {', '.join(roles)}")
