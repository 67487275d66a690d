"""What the command line can do, a page can do: every command names its page, or why it has none."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer

from meterline.cli import GROUPS
from meterline.web.page import ACTS, PAGES, load_pages

PAGE_OF = {
    "account billing-day": "console.billing_day",
    "account create": "console.account_new",
    "account list": "customers.customers",
    "bill list": "billing.runs",
    "bill preview": "console.account_next",
    "bill resume": "billing.run_resume",
    "bill run": "billing.plan_new",
    "catalog apply": "authoring.draft_new",
    "catalog approve": "authoring.draft_approve",
    "catalog deck diff": "catalog.card",
    "catalog diff": "authoring.draft",
    "catalog draft": "authoring.draft_new",
    "catalog drafts": "catalog.drafts",
    "catalog list": "catalog.plans",
    "catalog publish": "authoring.draft_publish",
    "catalog review": "authoring.draft_review",
    "catalog rules": "console.rules",
    "catalog show": "catalog.plan",
    "catalog simulate": "authoring.what_if_new",
    "catalog validate": "authoring.draft_new",
    "catalog withdraw": "authoring.draft_withdraw",
    "credit grant": "console.grant",
    "credit limit": "console.rules",
    "credit list": "payments.credit",
    "credit show": "payments.payment",
    "credit void": "console.void",
    "customer create": "console.customer_new",
    "customer list": "customers.customers",
    "discount end": "console.account_discount_end",
    "discount give": "console.account_discount",
    "discount list": "console.account",
    "discount redeem": "console.subscription_act",
    "import": "console.import_new",
    "invoice explain": "invoices.explained",
    "invoice html": "invoices.download",
    "invoice list": "invoices.invoices",
    "invoice pdf": "invoices.download",
    "invoice print": "invoices.print_bills",
    "invoice send": "invoices.send",
    "invoice show": "invoices.invoice",
    "key list": "console.keys",
    "key make": "console.key_new",
    "key revoke": "console.key_revoke",
    "ledger export": "ledger.export",
    "ledger recognise": "ledger.recognise",
    "ledger trial-balance": "ledger.trial_balance",
    "meter exchange": "reads.meter_exchange",
    "meter import": "console.import_new",
    "meter install": "reads.meter_new",
    "meter list": "reads.meters",
    "meter remove": "reads.meter_remove",
    "pay": "console.pay",
    "payment balance": "console.account",
    "payment chargeback": "console.give_back",
    "payment credit": "console.grant",
    "payment import": "console.statement",
    "payment list": "payments.payments",
    "payment refund": "console.give_back",
    "payment show": "payments.payment",
    "portal invite": "portal.access",
    "portal list": "portal.access",
    "portal remove": "portal.take_away",
    "reads accept": "reads.accept",
    "reads add": "reads.meter_read",
    "reads dismiss": "reads.dismiss",
    "reads estimate": "reads.estimates",
    "reads factor": "reads.gas_factor",
    "reads list": "reads.reads",
    "reads load": "usage.load",
    "reads profile": "reads.read_profile",
    "reads refresh": "reads.refresh",
    "reads replace": "reads.read",
    "reads rule": "reads.read_rule",
    "reads show": "reads.meter",
    "reads virtual": "reads.virtual_register",
    "scenario run": "authoring.draft_review",
    "seller create": "console.seller_new",
    "seller list": "console.sellers",
    "subscription cancel": "console.subscription_act",
    "subscription change": "console.subscription_act",
    "subscription identify": "console.subscription_act",
    "subscription list": "subscriptions.subscriptions",
    "subscription pause": "console.subscription_act",
    "subscription quantity": "console.subscription_act",
    "subscription release": "console.number_end",
    "subscription resume": "console.subscription_act",
    "subscription scheduled": "console.subscription",
    "subscription show": "console.subscription",
    "subscription subscribe": "console.subscribe",
    "subscription uncancel": "console.subscription_act",
    "subscription unschedule": "console.unschedule",
    "usage accept": "usage.recycle",
    "usage allowances": "console.account_usage",
    "usage archive": "usage.archive",
    "usage back-out": "usage.back_out",
    "usage compact": "usage.compact",
    "usage discard": "usage.discard",
    "usage erase": "usage.erase",
    "usage list": "usage.batches",
    "usage load": "usage.load",
    "usage receipts": "usage.receipts",
    "usage recycle": "usage.recycle",
    "usage reject edit": "usage.reject",
    "usage rejects": "usage.rejects",
    "usage rerate": "usage.rerate",
    "usage restore": "usage.restore",
    "usage retention": "usage.retention_rule",
    "usage show": "usage.batch",
    "usage source": "usage.source_edit",
    "usage sources": "usage.source_list",
    "user add": "console.user_add",
    "user list": "console.users",
    "user role": "console.user_roles",
}
"""Command -> the page, act or part that does the same."""

WITHOUT = {
    "catalog export": "writes a folder of files to keep under version control",
    "credit expire": "bill runs do it by themselves",
    "demo": "makes a company where there is none yet",
    "doctor": "tells what is wrong when the pages do not open",
    "migrate": "comes before any page can open",
    "schema catalog": "for editors of files",
    "schema scenario": "for editors of files",
    "serve": "it is what serves the pages",
    "usage consume": "runs until it is stopped; what came stands under receipts",
    "usage watch": "runs until it is stopped; sources have a page, and the worker watches for them",
    "worker": "it is what works behind the pages",
}
"""Command -> why it rightly has no page."""


def leaves(command: Any, name: str) -> list[str]:
    """A command, or those of a group, by the words that one types."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [name]
    return [leaf for word, one in inner.items() for leaf in leaves(one, f"{name} {word}")]


def commands() -> list[str]:
    found = []
    for name, (module, attribute, _help) in GROUPS.items():
        app = getattr(import_module(module), attribute)
        if isinstance(app, typer.Typer):
            found += leaves(typer.main.get_command(app), name)
        else:
            found.append(name)
    return sorted(found)


def test_every_command_has_a_page_or_a_reason() -> None:
    assert commands() == sorted({*PAGE_OF, *WITHOUT})
    assert PAGE_OF.keys().isdisjoint(WITHOUT)


def test_the_pages_are_there() -> None:
    load_pages()
    assert {page for page in PAGE_OF.values() if page not in PAGES and page not in ACTS} == set()
