"""Every permission of the product, and the roles that come with it."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

ANYONE: Final = "*"
"""Declared by the few pages that need no sign-in."""

SIGNED_IN: Final = "+"
"""Declared by pages of whoever is signed in: the own account."""

PERMISSIONS: Final[dict[str, str]] = {
    "home.view": _("See Home: the work queue and the key figures"),
    "customers.view": _("See customers and their accounts"),
    "customers.edit": _("Create and change customers and accounts"),
    "care.view": _("See notes and interactions with customers"),
    "care.edit": _("Write notes and record interactions"),
    "catalog.view": _("See products, plans and prices"),
    "catalog.edit": _("Draft changes of the catalogue"),
    "catalog.publish": _("Approve and publish the catalogue"),
    "subscriptions.view": _("See subscriptions"),
    "subscriptions.edit": _("Start, change, pause and end subscriptions"),
    "usage.view": _("See usage, batches and rejects"),
    "usage.load": _("Load usage, recycle and discard rejects"),
    "usage.correct": _("Correct, re-rate and back out usage"),
    "usage.sources": _("Say how sources are read, and which folders are watched"),
    "billing.view": _("See bill runs"),
    "billing.run": _("Plan and start bill runs"),
    "billing.approve": _("Approve bill runs"),
    "invoices.view": _("See invoices and their explanations"),
    "invoices.correct": _("Correct and credit invoices"),
    "invoices.send": _("Send invoices to customers"),
    "payments.view": _("See payments and what is open"),
    "payments.record": _("Record and allocate payments"),
    "payments.credit": _("Grant credit up to the limit"),
    "payments.approve": _("Approve credit above the limit"),
    "ledger.view": _("See the books"),
    "ledger.close": _("Close periods and export the books"),
    "insight.view": _("See reports and simulations"),
    "insight.simulate": _("Try tariffs on the whole base"),
    "lists.export": _("Export lists"),
    "support.impersonate": _("See the portal as a customer does"),
    "portal.invite": _("Give customers access to the portal, and take it away"),
    "rules.manage": _("Say what needs a second person"),
    "sellers.edit": _("Change sellers and what their documents show"),
    "settings.view": _("See settings"),
    "users.manage": _("Add users and give them roles"),
    "roles.manage": _("Make and change roles"),
    "keys.manage": _("Make and revoke API keys"),
    "feedback.manage": _("Read feedback and say what became of it"),
    "sandbox.reset": _("Reset the demo company of a sandbox"),
    "jobs.view": _("See background jobs"),
    "jobs.manage": _("Retry and cancel background jobs"),
    "audit.view": _("See the audit log"),
    "portal.use": _("Use the portal as a customer"),
}
"""What may be granted: code -> what it lets one do."""

_VIEWS: Final = tuple(
    code
    for code in PERMISSIONS
    if code.endswith(".view") and code not in ("audit.view", "settings.view", "jobs.view")
)

ROLES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "admin": (_("Administrator"), tuple(code for code in PERMISSIONS if code != "portal.use")),
    "billing": (
        _("Billing"),
        (*_VIEWS, "customers.edit", "care.edit", "portal.invite", "subscriptions.edit",
         "usage.load", "usage.correct", "billing.run", "billing.approve", "invoices.correct",
         "invoices.send", "payments.record", "payments.credit", "lists.export", "jobs.view",
         "settings.view"),
    ),
    "product": (
        _("Product"),
        (*_VIEWS, "catalog.edit", "catalog.publish", "insight.simulate", "lists.export"),
    ),
    "finance": (
        _("Finance"),
        (*_VIEWS, "billing.approve", "invoices.correct", "invoices.send", "payments.record",
         "payments.credit", "payments.approve", "ledger.close", "sellers.edit", "lists.export",
         "settings.view"),
    ),
    "support": (
        _("Support"),
        (*_VIEWS, "customers.edit", "care.edit", "subscriptions.edit", "invoices.send",
         "payments.credit", "support.impersonate", "portal.invite"),
    ),
    "auditor": (
        _("Auditor"),
        (*_VIEWS, "audit.view", "settings.view", "jobs.view", "lists.export"),
    ),
    "read-only": (_("Read only"), _VIEWS),
    "customer": (_("Customer"), ("portal.use",)),
}  # fmt: skip
"""The roles that come with the product: code -> name, permissions."""


def meaning(code: str) -> str:
    """What a permission lets one do, in the language of the page; empty where there is none."""
    told = PERMISSIONS.get(code)
    return gettext(told) if told else ""


def meanings() -> list[tuple[str, str]]:
    """Code and meaning of every permission, for forms."""
    return [(code, meaning(code)) for code in PERMISSIONS]
