"""What customers ask for in the portal: each address as a user of another customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from visits import Samples, Visit


@dataclass(frozen=True)
class _Customer:
    """A customer who signs in, with rows of their own."""

    email: str
    invoice: int
    line: int
    subscription: int


def pages(samples: Samples) -> Iterator[Visit]:
    """Every page of the portal but the one that an invitation opens, and what Home loads."""
    from meterline.web.page import PAGES

    people = _people(samples)
    users = [one.email for one in people]
    given = {
        "invoice": [{"invoice": one.invoice} for one in people],
        "invoice, line": [{"invoice": one.invoice, "line": one.line} for one in people],
        "subscription": [{"subscription": one.subscription} for one in people],
        "subscription, what": [{"subscription": one.subscription, "what": "cancel"}
                               for one in people],
        "": [{} for _one in people],
    }  # fmt: skip
    for page in PAGES.values():
        names = ", ".join(
            part.partition(":")[2].rstrip(">") for part in page.path.split("/") if ":" in part
        )
        if page.surface == "portal" and names in given:
            urls = [reverse(page.name, kwargs=each) for each in given[names]]
            yield Visit(page.name, urls, users)
    yield Visit("portal.so_far (part)", [reverse("portal.so_far")] * len(people), users)
    urls = [reverse("portal.service_next", args=[one.subscription]) for one in people]
    yield Visit("portal.service_next (part)", urls, users)


def _people(samples: Samples) -> list[_Customer]:
    """Customers with usage that was billed."""
    from meterline.customers.models import Account
    from meterline.invoices.models import Line
    from meterline.portal import services
    from meterline.subscriptions.models import Subscription

    found = []
    for account in samples.of(Account.objects.all()):
        line = Line.objects.filter(account_id=account, kind="usage").order_by("-end_at").first()
        subscription = Subscription.objects.filter(account_id=account, state="active").first()
        if line is None or subscription is None:
            continue
        code = Account.objects.get(pk=account).customer.code
        email = f"{code.lower()}@example.com"
        services.invite(code, email)
        found.append(_Customer(email, line.invoice_id, line.pk, subscription.pk))
    return [found[index % len(found)] for index in range(samples.size)] if found else []
