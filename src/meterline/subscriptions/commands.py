"""`meterline subscription` and `meterline import`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from meterline.customers.commands import JsonOption, LimitOption, show_import, show_rows

app = typer.Typer(help="Subscriptions: who has which plan, and when.", no_args_is_help=True)
_console = Console()

CodeArgument = Annotated[str, typer.Argument(help="The subscription's code.")]
AtOption = Annotated[
    str | None,
    typer.Option("--at", help="A local date of the account, or an instant. Default: now."),
]
OverrideOption = Annotated[
    list[str] | None, typer.Option(help='Such as base.amount="9.00" (repeatable).')
]
WhenOption = Annotated[
    str | None,
    typer.Option(
        "--when", help="policy, now, end_of_period, end_of_term, or a date (see the reference)."
    ),
]


@app.command("subscribe")
def subscribe_command(
    account: str,
    plan: str,
    *,
    code: Annotated[str | None, typer.Option(help="Its code; default: a new one.")] = None,
    at: AtOption = None,
    quantity: Annotated[str | None, typer.Option(help="Units; default: 1.")] = None,
    base: Annotated[
        str | None, typer.Option(help="Of an add-on: the subscription that it is beside.")
    ] = None,
    override: OverrideOption = None,
    discount: Annotated[
        list[str] | None, typer.Option(help="Code, in the order in which they apply.")
    ] = None,
    promotion: Annotated[str | None, typer.Option(help="Promotion code to redeem.")] = None,
    identifier: Annotated[
        list[str] | None, typer.Option(help="Such as msisdn=393331234567 (repeatable).")
    ] = None,
) -> None:
    """Begin a subscription of a plan on an account."""
    from meterline.customers.services import account_by_code
    from meterline.subscriptions import overrides, services

    row = account_by_code(account)
    made = services.subscribe(
        account_id=row.id, plan=plan, code=code, quantity=quantity,
        at=local_instant(at, row.timezone), overrides=overrides.read(override or []),
        discounts=discount or [], promotion=promotion,
        identifiers=dict(_pair(text) for text in identifier or []), base=base,
    )  # fmt: skip
    _console.print(f"Subscription {made.code} begins {local_text(made.started_at, row.timezone)}.")


@app.command("change")
def change_command(
    code: CodeArgument,
    plan: str,
    at: AtOption = None,
    when: WhenOption = "policy",
    quantity: Annotated[str | None, typer.Option(help="And so many units.")] = None,
    override: OverrideOption = None,
) -> None:
    """Change to another plan."""
    from meterline.subscriptions import overrides, services

    prices = overrides.read(override or [])

    def act(moment: datetime | None, how: Any) -> datetime:
        return services.change(
            code, plan, moment, when=how, quantity=quantity, overrides=prices or None
        )

    _act(code, at, when, act, f"has plan {plan} from")


@app.command("quantity")
def quantity_command(
    code: CodeArgument, quantity: str, at: AtOption = None, when: WhenOption = "now"
) -> None:
    """Set the number of units (seats, lines)."""
    from meterline.subscriptions import services

    def act(moment: datetime | None, how: Any) -> datetime:
        return services.set_quantity(code, quantity, moment, when=how)

    _act(code, at, when, act, f"has {quantity} units from")


@app.command("pause")
def pause_command(code: CodeArgument, at: AtOption = None, when: WhenOption = "now") -> None:
    """Stop charges and usage until it is resumed."""
    from meterline.subscriptions import services

    _act(code, at, when, lambda moment, how: services.pause(code, moment, when=how), "pauses")


@app.command("resume")
def resume_command(code: CodeArgument, at: AtOption = None, when: WhenOption = "now") -> None:
    """Go on after a pause."""
    from meterline.subscriptions import services

    _act(code, at, when, lambda moment, how: services.resume(code, moment, when=how), "resumes")


@app.command("cancel")
def cancel_command(code: CodeArgument, at: AtOption = None, when: WhenOption = "now") -> None:
    """End a subscription."""
    from meterline.subscriptions import services

    _act(code, at, when, lambda moment, how: services.cancel(code, moment, when=how), "ends")


@app.command("uncancel")
def uncancel_command(code: CodeArgument, at: AtOption = None) -> None:
    """Take back a cancellation that is still to come."""
    from meterline.subscriptions import services

    services.uncancel(code, local_instant(at, _zone(code)))
    _console.print(f"Subscription {code} goes on.")


@app.command("scheduled")
def scheduled_command(code: CodeArgument, as_json: JsonOption = False) -> None:
    """The changes that are still to come."""
    from meterline.subscriptions import services, store

    held = store.load(code)
    zone = held.subscription.account.timezone
    plan = {row.pk: row.payload.get("plan", "") for row in held.subscription.change_set.all()}
    rows = [
        {
            "number": one.number,
            "at": local_text(one.effective_at, zone),
            "change": one.kind,
            "plan": plan[one.number],
            "quantity": "" if one.quantity is None else f"{one.quantity.normalize():f}",
            "asked": local_text(one.requested_at, zone),
        }
        for one in services.scheduled(held)
    ]
    show_rows(rows, ("number", "at", "change", "plan", "quantity", "asked"), as_json)


@app.command("unschedule")
def unschedule_command(
    code: CodeArgument,
    number: Annotated[int, typer.Argument(help="As `scheduled` lists it.")],
) -> None:
    """Take back a change that is still to come."""
    from meterline.subscriptions import services

    services.unschedule(code, number)
    _console.print(f"Subscription {code}: change {number} is taken back.")


@app.command("identify")
def identify_command(code: CodeArgument, kind: str, value: str, at: AtOption = None) -> None:
    """Give a subscription an identifier, such as a telephone number."""
    from meterline.subscriptions import services

    row = services.add_identifier(code, kind, value, local_instant(at, _zone(code)))
    _console.print(f"{value} leads to {code} from {local_text(row.start_at, _zone(code))}.")


@app.command("release")
def release_command(value: str, at: AtOption = None) -> None:
    """End an identifier, so that another subscription may have it."""
    from meterline.subscriptions import services

    row = services.end_identifier(value, local_instant(at, "UTC"))
    _console.print(f"{value} leads to {row.subscription.code} no more.")


@app.command("list")
def list_command(
    account: Annotated[str, typer.Option(help="Only those of this account.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Show subscriptions, newest first."""
    from django.db.models import F

    from meterline.subscriptions import services
    from meterline.subscriptions.models import Subscription

    rows = Subscription.objects.annotate(on=F("account__code")).order_by("-id")
    if account:
        rows = rows.filter(account__code=account)
    shown = list(rows.values("code", "on", "started_at")[:limit])
    for row in shown:  # as it is now: a change that was planned may have come since
        row["state"] = services.state(row["code"])
    show_rows(shown, ("code", "on", "started_at", "state"), as_json)


@app.command("show")
def show_command(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Show a subscription's log, phases and identifiers."""
    from meterline.subscriptions import identifiers, models, services, store

    held = store.load(code)
    zone = held.subscription.account.timezone
    versions = _plan_names([phase.plan_version_id for phase in held.timeline])
    log = models.Change.objects.filter(subscription=held.subscription).order_by("id")
    document: dict[str, Any] = {
        "code": held.code,
        "account": held.subscription.account.code,
        "base": held.subscription.base.code if held.subscription.base else None,
        "add-ons": [one.code for one in store.addons(held)],
        "state": services.state(code),
        "phases": [
            {
                "from": local_text(phase.start_at, zone), "to": local_text(phase.end_at, zone),
                "plan": versions[phase.plan_version_id],
                "quantity": f"{phase.quantity.normalize():f}", "state": phase.state,
                "trial until": str(phase.trial_end or ""),
            }
            for phase in held.timeline
        ],
        "log": [
            {"effective": local_text(one.effective_at, zone), "kind": one.kind,
             "plan": one.payload.get("plan", ""), "recorded": local_text(one.recorded_at, zone)}
            for one in log
        ],
        "identifiers": [
            {"kind": one.kind, "value": one.value, "from": local_text(one.start_at, zone),
             "to": local_text(one.end_at, zone)}
            for one in identifiers.of([held.subscription.id])
        ],
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(document))
        return
    _console.print(f"{code} on account {document['account']}: {document['state']}")
    for part in ("phases", "log", "identifiers"):
        rows = document[part]
        if rows:
            table = Table(*rows[0], title=part)
            for row in rows:
                table.add_row(*row.values())
            _console.print(table)


def import_app(
    kind: Annotated[
        str, typer.Argument(help="sellers, customers, accounts, subscriptions or identifiers")
    ],
    path: Annotated[Path, typer.Argument(help="A CSV file with a header.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all rows; make nothing.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Where refused rows go. Default: FILE.rejects.csv")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import customers and contracts from CSV files."""
    from meterline.customers import services as customers
    from meterline.subscriptions import services

    room = services if kind in ("subscriptions", "identifiers") else customers
    report = room.import_file(kind, path, dry_run=dry_run, rejects=rejects)
    show_import(kind, report, dry_run=dry_run, as_json=as_json)


def _act(
    code: str,
    at: str | None,
    when: str | None,
    act: Callable[[datetime | None, Any], datetime],
    says: str,
) -> None:
    zone = _zone(code)
    effective = act(local_instant(at, zone), _when(when, zone))
    _console.print(f"Subscription {code} {says} {local_text(effective, zone)}.")


def _when(text: str | None, zone: str) -> Any:
    """A word, or the instant of a date."""
    from meterline.customers.errors import InvalidField
    from meterline.platform.instants import InvalidInstant
    from meterline.subscriptions.decide import WORDS

    if text in WORDS:
        return text
    try:
        return local_instant(text, zone)
    except InvalidInstant as error:
        expected = f"{', '.join(WORDS)} or a date such as 2026-03-01"
        raise InvalidField(field="when", value=text, expected=expected) from error


def _zone(code: str) -> str:
    from meterline.subscriptions import store

    return str(store.find(code).account.timezone)


def local_instant(text: str | None, zone: str) -> datetime | None:
    """An instant from the command line; a date is its midnight in a zone."""
    from meterline.platform.instants import parse_date_or_instant

    if text is None:
        return None
    parsed = parse_date_or_instant(text)
    if isinstance(parsed, datetime):
        return parsed
    return datetime.combine(parsed, time(0), ZoneInfo(zone)).astimezone(UTC)


def local_text(at: datetime | None, zone: str) -> str:
    """An instant in a zone, as people read it."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if at else ""


def _pair(text: str) -> tuple[str, str]:
    from meterline.customers.errors import InvalidField

    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidField(field="option", value=text, expected="NAME=VALUE")
    return name, value


def _plan_names(ids: list[int]) -> dict[int, str]:
    from meterline.catalog.models import PlanVersion

    rows = PlanVersion.objects.filter(id__in=ids)
    return {row.id: str(row) + (" (own prices)" if row.base_id else "") for row in rows}
