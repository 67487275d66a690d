"""`meterline invoice`: documents on screen and as files, and why each line is what it is."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from meterline.invoices import send_commands

app = typer.Typer(help="Invoices and their explanations.", no_args_is_help=True)
app.command("send")(send_commands.send)
app.command("print")(send_commands.print_bills)
_console = Console()

NumberArgument = Annotated[str, typer.Argument(help="Number of the invoice or credit note.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
UsageOption = Annotated[bool, typer.Option("--usage", help="With the usage records behind it.")]


@app.command("list")
def list_command(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The newest invoices and credit notes."""
    from meterline.invoices import reports

    rows = reports.listing(account, limit)
    for row in rows:
        row |= {name: _money(row[name], row["currency"]) for name in ("total", "open")}
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("number", "account", "issued", "due"):
        table.add_column(name, no_wrap=name != "account", overflow="fold")
    for name in ("total", "open"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row["number"], escape(row["account"]), str(row["issue_date"]), str(row["due_date"]),
            f"{row['total']} {row['currency']}", row["open"],
        )  # fmt: skip
    _console.print(table)


@app.command("show")
def show_command(
    number: NumberArgument, usage: UsageOption = False, as_json: JsonOption = False
) -> None:
    """An invoice on screen."""
    from meterline.invoices import reports
    from meterline.invoices.formats import document_format
    from meterline.invoices.texts import texts

    document = reports.document(number, usage_detail=usage)
    if as_json:
        typer.echo(document_format("json").render(document).decode())
        return
    shown = texts(document)
    _console.print(f"[bold]{shown['title']} {number}[/] of {shown['issue_date']}")
    _console.print(f"{shown['seller']['name']} to {shown['customer']['name']}", markup=False)
    for block in shown["blocks"]:
        title = escape(f"{block['title']} {block['subtitle']}".strip())
        table = Table("charge", "period", title=title)
        for name in ("quantity", "tax", "amount"):
            table.add_column(name, justify="right")
        for line in block["lines"]:
            keys = ("name", "period", "quantity", "tax", "amount")
            table.add_row(*(escape(line[key]) for key in keys))
        _console.print(table)
    for record in shown["usage"]:
        _console.print("  ".join(record.values()), markup=False)
    _console.print(f"Net {shown['net']}, tax {shown['tax']}, total [bold]{shown['total']}[/]")
    if shown["credit"]:
        _console.print(f"Credit used {shown['credit']}, due [bold]{shown['due']}[/]")
    for one in shown["credits"]:
        _console.print(f"  of it {escape(one['reason'])}: {one['amount']}")


@app.command("pdf")
def pdf_command(
    numbers: Annotated[list[str], typer.Argument(help="Numbers of documents.")],
    output: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    usage: UsageOption = False,
) -> None:
    """Write PDF files."""
    _write(numbers, "pdf", output, usage)


@app.command("html")
def html_command(
    numbers: Annotated[list[str], typer.Argument(help="Numbers of documents.")],
    output: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    usage: UsageOption = False,
) -> None:
    """Write HTML pages."""
    _write(numbers, "html", output, usage)


def _write(numbers: list[str], format: str, output: Path, usage: bool) -> None:
    from meterline.invoices import reports
    from meterline.invoices.formats import document_format
    from meterline.platform.files import write_bytes

    output.mkdir(parents=True, exist_ok=True)
    chosen = document_format(format)
    for document in reports.documents_of(numbers, usage_detail=usage):
        path = output / f"{document.number.replace('/', '-')}{chosen.SUFFIX}"
        write_bytes(path, chosen.render(document))
        typer.echo(path)


@app.command("explain")
def explain_command(
    number: NumberArgument,
    line: Annotated[int | None, typer.Option(help="Only the line at this position.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Why each line is what it is: rule, arithmetic, amount."""
    from meterline.invoices import reports

    found = reports.explain(number, line)
    if as_json:
        told = [_told(row) | {"explanation": why.as_dict()} for row, why in found]
        typer.echo(json.dumps(told, indent=2))
        return
    for row, why in found:
        name = escape(f"{row['position']}. {row['name']}")
        _console.print(f"[bold]{name}[/] {_money(row['amount'], row['currency'])}")
        _console.print(f"   {why.rule}", markup=False)
        _console.print(f"   {why.expression} = {why.amount:f}", markup=False)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: row[name] for name in ("position", "name", "kind")}
    return told | {"amount": _money(row["amount"], row["currency"])}


def _money(amount: Decimal, currency: str) -> str:
    from meterline.kernel.money import decimals

    return f"{amount:.{decimals(currency)}f}"
