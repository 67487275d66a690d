"""HTML: one page that needs nothing else, for screen and print."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Any

from meterline.invoices.document import InvoiceDocument
from meterline.invoices.texts import texts

NAME = "html"
SUFFIX = ".html"


def render(document: InvoiceDocument) -> bytes:
    """The document as a page."""
    shown = _escaped(texts(document))
    style = (files("meterline.invoices") / "formats" / "invoice.css").read_text("utf-8")
    parts = [
        _head(shown),
        _summary(shown),
        _payment(shown),
        "<h2>Charges in detail</h2>",
        *(_block(block) for block in shown["blocks"]),
        _usage(shown["usage"]),
    ]
    page = (
        f'<!doctype html><html lang="{shown["language"]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{shown['title']} {shown['number']}</title><style>{style}"
        f":root {{ --brand: {shown['colour']} }}</style></head><body><main>{''.join(parts)}</main>"
        f"<footer>{_joined(_contact(shown['seller']))}</footer></body></html>"
    )
    return page.encode()


def _escaped(value: Any) -> Any:
    match value:
        case str():
            return escape(value)
        case dict():
            return {name: _escaped(part) for name, part in value.items()}
        case list() | tuple():
            return [_escaped(part) for part in value]
    return value


def _head(shown: dict[str, Any]) -> str:
    customer = shown["customer"]
    tax_id = [f"<small>Tax id {customer['tax_id']}</small>"] if customer["tax_id"] else []
    to = "<br>".join([f"<strong>{customer['name']}</strong>", *customer["lines"], *tax_id])
    facts = [("Number", shown["number"]), ("Account", shown["account"]),
             ("Date", shown["issue_date"])]  # fmt: skip
    if shown["payable"]:
        facts.append(("Due", shown["due_date"]))
    terms = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    return (
        f"<header><p class=seller>{shown['seller']['name']}</p><h1>{shown['title']}</h1></header>"
        f"<section class=parties><address>{to}</address><dl>{terms}</dl></section>"
    )


def _summary(shown: dict[str, Any]) -> str:
    rows = [(f"{b['title']} <small>{b['subtitle']}</small>", b["total"]) for b in shown["blocks"]]
    rows.append(("Net", shown["net"]))
    rows += [(f"Tax, {tax['label']} on {tax['base']}", tax["amount"]) for tax in shown["taxes"]]
    rows.append(("<strong>Total</strong>", f"<strong>{shown['total']}</strong>"))
    if shown["credit"]:
        rows.append(("Credit used", shown["credit"]))
        rows += [(f"<small>of it {one['reason']}</small>", f"<small>{one['amount']}</small>")
                 for one in shown["credits"]]  # fmt: skip
        rows.append(("<strong>To pay</strong>", f"<strong>{shown['due']}</strong>"))
    body = "".join(f"<tr><th scope=row>{name}</th><td>{text}</td></tr>" for name, text in rows)
    return f"<h2>Summary</h2><table>{body}</table>"


def _payment(shown: dict[str, Any]) -> str:
    if shown["title"] != "Invoice":
        return "<p>This amount is credited to your account and reduces your next invoices.</p>"
    if not shown["payable"]:
        return "<p>There is nothing to pay.</p>"
    bank = f" to IBAN {shown['iban']}{', BIC ' * bool(shown['bic'])}{shown['bic']}"
    return (
        f"<p class=payment>Please pay <strong>{shown['due']}</strong> until"
        f" <strong>{shown['due_date']}</strong>{bank if shown['iban'] else ''},"
        f" reference <strong>{shown['number']}</strong>.</p>"
    )


def _block(block: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{line['name']}</td><td>{line['period']}</td><td>{line['quantity']}</td>"
        f"<td>{line['amount']}</td></tr>"
        for line in block["lines"]
    )
    return (
        f"<table class=lines><caption>{block['title']} <small>{block['subtitle']}</small></caption>"
        f"{_heads('Charge', 'Period', 'Quantity', 'Amount')}<tbody>{rows}</tbody>"
        f"<tfoot><tr><td colspan=3>Before tax</td><td>{block['total']}</td></tr></tfoot></table>"
    )


def _usage(records: list[dict[str, Any]]) -> str:
    if not records:
        return ""
    rows = "".join(
        f"<tr><td>{r['start']}</td><td>{r['price']} {r['identifier']} {r['band']}</td>"
        f"<td>{r['quantity']}</td><td>{r['amount']}</td></tr>"
        for r in records
    )
    heads = _heads("When", "Charge", "Quantity", "Amount")
    return f"<h2>Usage in detail</h2><table class=lines>{heads}<tbody>{rows}</tbody></table>"


def _heads(*names: str) -> str:
    cells = "".join(f"<th scope=col>{name}</th>" for name in names)
    return f"<thead><tr>{cells}</tr></thead>"


def _contact(seller: dict[str, Any]) -> list[str]:
    tax_id = f"Tax id {seller['tax_id']}" if seller["tax_id"] else ""
    return [seller["name"], *seller["lines"], tax_id, seller["phone"], seller["email"],
            seller["website"]]  # fmt: skip


def _joined(parts: Iterable[str]) -> str:
    return " &middot; ".join(part for part in parts if part)
