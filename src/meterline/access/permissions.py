"""Every permission of the product, and the roles that come with it."""

from __future__ import annotations

from typing import Final

ANYONE: Final = "*"
"""Declared by the few pages that need no sign-in."""

SIGNED_IN: Final = "+"
"""Declared by pages of whoever is signed in: the own account."""

PERMISSIONS: Final[dict[str, str]] = {
    "home.view": "See Home: the work queue and the key figures",
    "customers.view": "See customers and their accounts",
    "customers.edit": "Create and change customers and accounts",
    "care.view": "See notes and interactions with customers",
    "care.edit": "Write notes and record interactions",
    "catalog.view": "See products, plans and prices",
    "catalog.edit": "Draft changes of the catalogue",
    "catalog.publish": "Approve and publish the catalogue",
    "subscriptions.view": "See subscriptions",
    "subscriptions.edit": "Start, change, pause and end subscriptions",
    "usage.view": "See usage, batches and rejects",
    "usage.load": "Load usage, recycle and discard rejects",
    "usage.correct": "Correct, re-rate and back out usage",
    "usage.sources": "Say how sources are read, and which folders are watched",
    "billing.view": "See bill runs",
    "billing.run": "Plan and start bill runs",
    "billing.approve": "Approve bill runs",
    "invoices.view": "See invoices and their explanations",
    "invoices.correct": "Correct and credit invoices",
    "payments.view": "See payments and what is open",
    "payments.record": "Record and allocate payments",
    "payments.credit": "Grant credit up to the limit",
    "payments.approve": "Approve credit above the limit",
    "ledger.view": "See the books",
    "ledger.close": "Close periods and export the books",
    "insight.view": "See reports and simulations",
    "insight.simulate": "Try tariffs on the whole base",
    "lists.export": "Export lists",
    "support.impersonate": "See the portal as a customer does",
    "portal.invite": "Give customers access to the portal, and take it away",
    "rules.manage": "Say what needs a second person",
    "sellers.edit": "Change sellers and what their documents show",
    "settings.view": "See settings",
    "users.manage": "Add users and give them roles",
    "roles.manage": "Make and change roles",
    "keys.manage": "Make and revoke API keys",
    "jobs.view": "See background jobs",
    "jobs.manage": "Retry and cancel background jobs",
    "audit.view": "See the audit log",
    "portal.use": "Use the portal as a customer",
}
"""What may be granted: code -> what it lets one do."""

_VIEWS: Final = tuple(
    code
    for code in PERMISSIONS
    if code.endswith(".view") and code not in ("audit.view", "settings.view", "jobs.view")
)

ROLES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "admin": ("Administrator", tuple(code for code in PERMISSIONS if code != "portal.use")),
    "billing": (
        "Billing",
        (*_VIEWS, "customers.edit", "care.edit", "portal.invite", "subscriptions.edit",
         "usage.load", "usage.correct", "billing.run", "billing.approve", "invoices.correct",
         "payments.record", "payments.credit", "lists.export", "jobs.view", "settings.view"),
    ),
    "product": (
        "Product",
        (*_VIEWS, "catalog.edit", "catalog.publish", "insight.simulate", "lists.export"),
    ),
    "finance": (
        "Finance",
        (*_VIEWS, "billing.approve", "invoices.correct", "payments.record", "payments.credit",
         "payments.approve", "ledger.close", "sellers.edit", "lists.export", "settings.view"),
    ),
    "support": (
        "Support",
        (*_VIEWS, "customers.edit", "care.edit", "subscriptions.edit", "payments.credit",
         "support.impersonate", "portal.invite"),
    ),
    "auditor": (
        "Auditor",
        (*_VIEWS, "audit.view", "settings.view", "jobs.view", "lists.export"),
    ),
    "read-only": ("Read only", _VIEWS),
    "customer": ("Customer", ("portal.use",)),
}  # fmt: skip
"""The roles that come with the product: code -> name, permissions."""
