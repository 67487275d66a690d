"""`meterline`: the command line. Each room brings its commands; this file puts them together."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

GROUPS = {  # command: (module, attribute, help)
    "account": ("meterline.customers.commands", "account_app", "Accounts."),
    "bill": ("meterline.billing.commands", "app", "Bill runs and previews."),
    "catalog": ("meterline.authoring.commands", "app", "The product catalogue as files."),
    "credit": ("meterline.payments.credit_commands", "app", "Credit granted to accounts."),
    "customer": ("meterline.customers.commands", "customer_app", "Customers."),
    "demo": ("meterline.demo.commands", "demo", "Make a living demo company group."),
    "discount": ("meterline.subscriptions.discount_commands", "app", "Discounts, promotions."),
    "doctor": ("meterline.doctor", "doctor", "Check the installation and explain."),
    "import": ("meterline.subscriptions.commands", "import_app", "Import CSV files."),
    "invoice": ("meterline.invoices.commands", "app", "Invoices and their explanations."),
    "key": ("meterline.access.key_commands", "app", "API keys of programs."),
    "ledger": ("meterline.ledger.commands", "app", "The books."),
    "meter": ("meterline.reads.meter_commands", "app", "Meters: devices and where they are."),
    "migrate": ("meterline.platform.commands", "migrate", "Bring the database up to date."),
    "pay": ("meterline.payments.commands", "pay", "Record a payment."),
    "payment": ("meterline.payments.commands", "app", "Payments."),
    "portal": ("meterline.portal.commands", "app", "Customers in the self-care portal."),
    "reads": ("meterline.reads.commands", "app", "Meter reads, estimates, review."),
    "scenario": ("meterline.scenario.commands", "app", "Test tariffs by scenario files."),
    "schema": ("meterline.scenario.commands", "schema_app", "JSON Schema of the file formats."),
    "seller": ("meterline.customers.commands", "seller_app", "Sellers."),
    "serve": ("meterline.console.commands", "serve", "Run the web and the worker."),
    "subscription": ("meterline.subscriptions.commands", "app", "Subscriptions."),
    "usage": ("meterline.usage.commands", "app", "Usage files, batches, rejects."),
    "user": ("meterline.access.commands", "app", "Users and their roles."),
    "worker": ("meterline.platform.commands", "worker", "Work on background jobs."),
}
_WITHOUT_DATABASE = {"schema", "scenario"}
_WITHOUT_MIGRATION = {"migrate", "doctor"}


class LazyGroup(TyperGroup):
    """Imports a room's commands when they are asked for, so that `--help` is quick."""

    chosen: str | None = None  # the command that is asked for; the others are only listed

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(GROUPS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.chosen = args[0]
        _apply(**ctx.params)  # before Django reads its settings
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return None
        module, attribute, help_text = GROUPS[cmd_name]
        if cmd_name != self.chosen:
            return TyperCommand(cmd_name, help=help_text)
        _prepare(cmd_name)
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(found)
        return typer.main.get_command(single)


def _prepare(command: str) -> None:
    """Django and, on the embedded server, an up-to-date database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
    if command == "serve":
        from meterline.platform import libraries

        libraries.for_pages()
    import django

    django.setup()
    if "--help" in sys.argv or command in _WITHOUT_DATABASE | _WITHOUT_MIGRATION:
        return
    from meterline.platform.migrate import ensure_migrated

    ensure_migrated()


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def main_options(
    home: Annotated[
        str | None, typer.Option(help="Data folder; default: METERLINE_HOME or ./meterline-data.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Act as if it were then (a date or an instant).")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="Where usage is rated and bills are computed: local, or ray://HOST:PORT."
        ),
    ] = None,
) -> None:
    """Meterline: usage in, correct invoices out, paid and booked."""


def _apply(home: str | None, at: str | None, engine: str | None) -> None:
    if home is not None:
        os.environ["METERLINE_HOME"] = home
    if engine is not None:
        from meterline.platform.engine import choose

        choose(engine)
    if at is not None:
        from datetime import UTC, datetime, time

        from meterline.platform import clock
        from meterline.platform.instants import parse_date_or_instant

        moment = parse_date_or_instant(at)
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(0), tzinfo=UTC)
        clock.move_to(moment)


def main() -> None:
    """Run the command line; business errors are one line and exit code 2."""
    from meterline.kernel.errors import MeterlineError

    try:
        app()
    except MeterlineError as error:
        typer.echo(f"meterline: {error.message}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        typer.echo(f"meterline: {error}", err=True)
        sys.exit(1)
    except Exception as error:
        if not _is_database_gone(error):
            raise
        typer.echo(
            f"meterline: the database cannot be reached: {error}\n"
            "What was committed stands. `meterline doctor` tells what is wrong.",
            err=True,
        )
        sys.exit(3)


def _is_database_gone(error: Exception) -> bool:
    from django.db import InterfaceError, OperationalError

    return isinstance(error, OperationalError | InterfaceError)
