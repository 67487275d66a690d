"""`meterline seller`, `customer` and `account`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

seller_app = typer.Typer(help="Sellers: who issues invoices.", no_args_is_help=True)
customer_app = typer.Typer(help="Customers: who buys.", no_args_is_help=True)
account_app = typer.Typer(help="Accounts: what is billed together.", no_args_is_help=True)
_console = Console()

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Show at most so many.")]
FindOption = Annotated[str, typer.Option("--find", help="Only those whose code or name has this.")]
NameOption = Annotated[str, typer.Option(help="Its name, as it is printed.")]


@seller_app.command("create")
def create_seller(
    code: str,
    *,
    name: NameOption,
    address: str = "",
    country: str = "",
    tax_id: str = "",
    email: str = "",
    phone: str = "",
    website: str = "",
    iban: str = "",
    bic: str = "",
    colour: str = "#1f3a5f",
    invoice_prefix: str = "INV",
    payment_terms_days: int = 14,
) -> None:
    """Make a seller."""
    from meterline.customers import services

    services.create_seller(
        code=code, name=name, address=address.replace("\\n", "\n"), country=country,
        tax_id=tax_id, email=email, phone=phone, website=website, iban=iban, bic=bic,
        colour=colour, invoice_prefix=invoice_prefix, payment_terms_days=payment_terms_days,
    )  # fmt: skip
    _console.print(f"Seller {code} made.")


@seller_app.command("list")
def list_sellers(as_json: JsonOption = False) -> None:
    """Show all sellers."""
    from meterline.customers.models import Seller

    fields = ("code", "name", "country", "invoice_prefix", "payment_terms_days")
    show_rows(list(Seller.objects.order_by("id").values(*fields)), fields, as_json)


@customer_app.command("create")
def create_customer(
    code: str,
    *,
    name: NameOption,
    kind: Annotated[str, typer.Option(help="person or organisation")] = "person",
    email: str = "",
    phone: str = "",
    address: str = "",
    country: str = "",
    tax_id: str = "",
    language: str = "en",
    segment: str = "",
) -> None:
    """Make a customer."""
    from meterline.customers import services

    services.create_customer(
        code=code, name=name, kind=kind, segment=segment, email=email, phone=phone,
        address=address.replace("\\n", "\n"), country=country, tax_id=tax_id, language=language,
    )  # fmt: skip
    _console.print(f"Customer {code} made.")


@customer_app.command("list")
def list_customers(
    find: FindOption = "", limit: LimitOption = 50, as_json: JsonOption = False
) -> None:
    """Show customers, newest first."""
    from django.db.models import F, Q

    from meterline.customers.models import Customer

    rows = (
        Customer.objects.filter(Q(code__icontains=find) | Q(party__name__icontains=find))
        .annotate(name=F("party__name"), kind=F("party__kind"), email=F("party__email"))
        .order_by("-id")
    )
    fields = ("code", "name", "kind", "email", "segment")
    show_rows(list(rows.values(*fields)[:limit]), fields, as_json)


@account_app.command("create")
def create_account(
    code: str,
    *,
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")],
    timezone: Annotated[str, typer.Option(help="IANA zone.")] = "UTC",
    billing_day: Annotated[str, typer.Option(help="1 to 31 or anniversary.")] = "1",
    region: Annotated[str | None, typer.Option(help="Tax region, e.g. IT.")] = None,
    customer: Annotated[str | None, typer.Option(help="Code; default: a new one.")] = None,
    parent: Annotated[str | None, typer.Option(help="Code of the account above.")] = None,
    seller: Annotated[str | None, typer.Option(help="Code; default: the default one.")] = None,
) -> None:
    """Make an account."""
    from meterline.customers import services, validate

    services.create_account(
        code=code, currency=currency, timezone=timezone, region=region, customer=customer,
        billing_day=validate.billing_day(billing_day), parent=parent, seller=seller,
    )  # fmt: skip
    _console.print(f"Account {code} made.")


@account_app.command("list")
def list_accounts(
    find: FindOption = "", limit: LimitOption = 50, as_json: JsonOption = False
) -> None:
    """Show accounts, newest first."""
    from django.db.models import F, Q

    from meterline.customers.models import Account

    rows = (
        Account.objects.filter(Q(code__icontains=find) | Q(customer__party__name__icontains=find))
        .annotate(name=F("customer__party__name"), by=F("seller__code"))
        .order_by("-id")
    )
    fields = ("code", "name", "by", "currency", "timezone", "tax_region")
    show_rows(list(rows.values(*fields)[:limit]), fields, as_json)


@account_app.command("billing-day")
def set_billing_day(
    code: str,
    day: Annotated[str, typer.Argument(help="1 to 31 or anniversary")],
    on: Annotated[str | None, typer.Option(help="Local day from which; default: today.")] = None,
) -> None:
    """Bill an account on another day; periods that have started keep their end."""
    from zoneinfo import ZoneInfo

    from meterline.customers import services, validate
    from meterline.customers.errors import InvalidField
    from meterline.platform import clock

    account = services.account_by_code(code)
    try:
        since = date.fromisoformat(on) if on else clock.now().astimezone(
            ZoneInfo(account.timezone)
        ).date()  # fmt: skip
    except ValueError as error:
        raise InvalidField(field="on", value=on, expected="a day such as 2026-03-01") from error
    since = services.set_billing_day(account.id, validate.billing_day(day), since)
    _console.print(f"Account {code} is billed on day {day} from {since} on.")


def show_rows(rows: Sequence[dict[str, Any]], fields: Sequence[str], as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        typer.echo(json.dumps(list(rows), default=str))
        return
    table = Table(*(field.replace("_", " ") for field in fields))
    for row in rows:
        table.add_row(*("" if row[field] is None else str(row[field]) for field in fields))
    _console.print(table)


def show_import(kind: str, report: Any, *, dry_run: bool, as_json: bool) -> None:
    """Print what an import did, or would do."""
    if as_json:
        typer.echo(json.dumps({"kind": kind, "dry_run": dry_run, **vars(report)}, default=str))
        return
    verb = "would make" if dry_run else "made"
    _console.print(f"{report.rows:,} rows: {verb} {report.created:,} {kind}")
    if report.rejected:
        place: Path | None = report.rejects
        _console.print(f"{report.rejected:,} rows refused, see {place}")
