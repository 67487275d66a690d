"""HTML: one page that needs nothing else, for screen and print."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Any

from meterline.invoices.document import InvoiceDocument
from meterline.invoices.spoken import spoken

NAME = "html"
SUFFIX = ".html"


def render(document: InvoiceDocument) -> bytes:
    """The document as a page."""
    shown = _escaped(spoken(document))
    style = (files("meterline.invoices") / "formats" / "invoice.css").read_text("utf-8")
    parts = [
        _head(shown),
        _summary(shown),
        _payment(shown),
        f"<h2>{shown['labels']['details']}</h2>",
        *(_block(block, shown["labels"]) for block in shown["blocks"]),
        _usage(shown["usage"], shown["labels"]),
    ]
    page = (
        f'<!doctype html><html lang="{shown["language"]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{shown['title']} {shown['number']}</title><style>{style}"
        f":root {{ --brand: {shown['colour']} }}</style></head><body><main>{''.join(parts)}</main>"
        f"<footer>{_joined(_contact(shown))}</footer></body></html>"
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
    customer, labels = shown["customer"], shown["labels"]
    tax_id = (
        [f"<small>{labels['tax_id']} {customer['tax_id']}</small>"] if customer["tax_id"] else []
    )
    to = "<br>".join([f"<strong>{customer['name']}</strong>", *customer["lines"], *tax_id])
    facts = [(labels["number"], shown["number"]), (labels["account"], shown["account"]),
             (labels["date"], shown["issue_date"])]  # fmt: skip
    if shown["payable"]:
        facts.append((labels["due"], shown["due_date"]))
    terms = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    return (
        f"<header><p class=seller>{shown['seller']['name']}</p><h1>{shown['title']}</h1></header>"
        f"<section class=parties><address>{to}</address><dl>{terms}</dl></section>"
    )


def _summary(shown: dict[str, Any]) -> str:
    labels = shown["labels"]
    rows = [(f"{b['title']} <small>{b['subtitle']}</small>", b["total"]) for b in shown["blocks"]]
    rows.append((labels["net"], shown["net"]))
    rows += [(tax["told"], tax["amount"]) for tax in shown["taxes"]]
    rows.append((_strong(labels["total"]), _strong(shown["total"])))
    if shown["credit"]:
        rows.append((labels["credit_used"], shown["credit"]))
        rows += [(f"<small>{one['told']}</small>", f"<small>{one['amount']}</small>")
                 for one in shown["credits"]]  # fmt: skip
        rows.append((_strong(labels["to_pay"]), _strong(shown["due"])))
    body = "".join(f"<tr><th scope=row>{name}</th><td>{text}</td></tr>" for name, text in rows)
    return f"<h2>{labels['summary']}</h2><table>{body}</table>"


def _payment(shown: dict[str, Any]) -> str:
    if shown["credit_note"]:
        return f"<p>{shown['labels']['credited']}</p>"
    if not shown["payable"]:
        return f"<p>{shown['labels']['nothing_to_do']}</p>"
    bank = f"{shown['iban']}{', BIC ' * bool(shown['bic'])}{shown['bic']}"
    told = {"amount": _strong(shown["due"]), "day": _strong(shown["due_date"]), "iban": bank,
            "number": _strong(shown["number"])}  # fmt: skip
    return f"<p class=payment>{shown['pay'] % told}</p>"


def _block(block: dict[str, Any], labels: dict[str, str]) -> str:
    rows = "".join(
        f"<tr><td>{line['name']}</td><td>{line['period']}</td><td>{line['quantity']}</td>"
        f"<td>{line['amount']}</td></tr>"
        for line in block["lines"]
    )
    return (
        f"<table class=lines><caption>{block['title']} <small>{block['subtitle']}</small></caption>"
        f"{_heads(labels, 'charge', 'period', 'quantity', 'amount')}<tbody>{rows}</tbody>"
        f"<tfoot><tr><td colspan=3>{labels['before_tax']}</td><td>{block['total']}</td></tr>"
        "</tfoot></table>"
    )


def _usage(records: list[dict[str, Any]], labels: dict[str, str]) -> str:
    if not records:
        return ""
    rows = "".join(
        f"<tr><td>{r['start']}</td><td>{r['price']} {r['identifier']} {r['band']}</td>"
        f"<td>{r['quantity']}</td><td>{r['amount']}</td></tr>"
        for r in records
    )
    heads = _heads(labels, "when", "charge", "quantity", "amount")
    return f"<h2>{labels['usage']}</h2><table class=lines>{heads}<tbody>{rows}</tbody></table>"


def _heads(labels: dict[str, str], *keys: str) -> str:
    cells = "".join(f"<th scope=col>{labels[key]}</th>" for key in keys)
    return f"<thead><tr>{cells}</tr></thead>"


def _strong(text: str) -> str:
    return f"<strong>{text}</strong>"


def _contact(shown: dict[str, Any]) -> list[str]:
    seller = shown["seller"]
    tax_id = f"{shown['labels']['tax_id']} {seller['tax_id']}" if seller["tax_id"] else ""
    return [seller["name"], *seller["lines"], tax_id, seller["phone"], seller["email"],
            seller["website"]]  # fmt: skip


def _joined(parts: Iterable[str]) -> str:
    return " &middot; ".join(part for part in parts if part)
