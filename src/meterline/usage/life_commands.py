"""`meterline usage retention`, `compact`, `archive`, `restore`, `erase`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

_console = Console()
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def retention(
    source: Annotated[str | None, typer.Argument(help="Source; default: show all.")] = None,
    keep_months: Annotated[
        int | None, typer.Option(min=1, help="Months for which its records stay.")
    ] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Its records stay.")] = False,
    afterwards: Annotated[str, typer.Option(help="archive or erase.")] = "archive",
    to: Annotated[str, typer.Option(help="Folder or URL of the archive.")] = "",
    run: Annotated[bool, typer.Option("--run", help="Archive and erase what is due.")] = False,
    as_json: JsonOption = False,
) -> None:
    """How long records stay, by source; what is due now. The worker sees to it every night."""
    from meterline.usage import retention
    from meterline.usage.models import Source

    if source is not None and (keep_months is not None or for_ever):
        retention.set_retention(source, keep_months=keep_months, afterwards=afterwards, archive=to)
    found = retention.keep_to_it() if run else retention.due()
    rules = [
        {"source": one.code, "keep_months": one.keep_months, "afterwards": one.afterwards,
         "archive": one.archive}
        for one in Source.objects.order_by("code")
    ]  # fmt: skip
    batches = [{"batch": one.batch.pk, "afterwards": one.afterwards} for one in found]
    if as_json:
        told = {"sources": rules, "done" if run else "due": batches}
        typer.echo(json.dumps(told, indent=2))
        return
    table = Table("source", "months", "then", "archive")
    for rule in rules:
        kept = "for ever" if rule["keep_months"] is None else str(rule["keep_months"])
        then = "" if rule["keep_months"] is None else str(rule["afterwards"])
        table.add_row(str(rule["source"]), kept, then, str(rule["archive"]))
    _console.print(table)
    _console.print(f"{len(found):,} batches {'are done' if run else 'are due'}.")


def compact(as_json: JsonOption = False) -> None:
    """Pack the files of small batches together. Totals stay as they are."""
    from meterline.usage.folders import sweep
    from meterline.usage.pack import compact

    packed = compact()
    removed = sweep()
    if as_json:
        told = {"batches": packed.batches, "packs": packed.packs, "removed": removed}
        typer.echo(json.dumps(told))
        return
    _console.print(
        f"{packed.batches:,} batches are packed, in {packed.packs:,} folders; {removed:,} old"
        " folders are removed, others once nobody can be reading them."
    )


def archive(
    batches: Annotated[list[int], typer.Argument(help="Numbers of batches.")],
    to: Annotated[str, typer.Option(help="Folder or URL; default: archive/ of the data folder.")]
    = "",
) -> None:  # fmt: skip
    """Put the records of batches into an archive; totals and invoices stay here."""
    from meterline.usage.archive import archive

    for number in batches:
        made = archive(number, to)
        _console.print(f"Batch {number} is archived: {made.archive}", soft_wrap=True)


def restore(
    batches: Annotated[list[int], typer.Argument(help="Numbers of archived batches.")],
) -> None:
    """Bring the records of archived batches back."""
    from meterline.usage.archive import restore

    for number in batches:
        restore(number)
        _console.print(f"The records of batch {number} are back.")


def erase(
    account: Annotated[str | None, typer.Option(help="Usage of this account.")] = None,
    customer: Annotated[
        str | None, typer.Option(help="Usage of all accounts of this customer.")
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Do it. Default: only say what it would erase.")
    ] = False,
) -> None:
    """Erase one person's usage records, in archives too; totals and invoices stay."""
    from meterline.customers.lookup import account_by_code, customer_by_code
    from meterline.customers.models import Account
    from meterline.usage.erase import concerned, erase

    if (account is None) == (customer is None):
        raise typer.BadParameter("say --account or --customer")
    if account is not None:
        ids = [account_by_code(account).pk]
    else:
        owner = customer_by_code(str(customer))
        ids = list(Account.objects.filter(customer=owner).values_list("pk", flat=True))
    if not commit:
        records, batches = concerned(ids)
        _console.print(f"{records:,} records of {batches:,} batches. --commit erases them.")
        return
    _console.print(f"{erase(ids):,} records are erased; totals and invoices stay.")
