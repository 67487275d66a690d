"""What happens at the demo company beside its months, so that every page has something to show.

All by the pages themselves and the endpoints, in the name of somebody who is signed in.
"""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path
from typing import Any

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
SECRET = re.compile(r"\bml_[0-9a-f]+_[\w-]+")
WRONG = re.compile(r'class="field wrong.*?</div>', re.DOTALL)
PATIENCE = 120  # seconds


class Doer:
    """Whoever is signed in to a context of a browser, and sends forms by it."""

    def __init__(self, context: Any, root: str) -> None:
        self.requests, self.root = context.request, root

    def read(self, path: str) -> str:
        """A page."""
        answer = self.requests.get(f"{self.root}{path}")
        assert answer.ok, f"{path}: {answer.status}"
        return str(answer.text())

    def send(self, path: str, form: str = "", /, **fields: Any) -> tuple[str, str]:
        """Send a form that stands on a page (`form`, else where it is sent to); paths are files.
        Where it led to, and what stands there."""
        token = TOKEN.search(self.read(form or path))
        assert token is not None, path
        parts = {name: _part(value) for name, value in fields.items()}
        answer = self.requests.post(
            f"{self.root}{path}", multipart={"csrfmiddlewaretoken": token[1], **parts},
            headers={"Referer": self.root},
        )  # fmt: skip
        text = str(answer.text())
        assert answer.ok, f"{path}: {answer.status} {text}"
        assert not WRONG.search(text), f"{path}: {WRONG.findall(text)}"
        return str(answer.url)[len(self.root) :], text


def _part(value: Any) -> Any:
    if isinstance(value, Path):
        kind = "application/octet-stream"
        return {"name": value.name, "mimeType": kind, "buffer": value.read_bytes()}
    return str(value)


def rows(home: Path, pattern: str) -> list[dict[str, str]]:
    """The rows of the first CSV file of the demo of this name."""
    with sorted((home / "demo").rglob(pattern))[0].open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def live(admin: Doer, home: Path, folder: Path) -> list[str]:
    """Let it happen; gives where to look first: the customer to whom it happened, and what only a
    search leads to."""
    _tariff(admin, home, folder)
    customer = _meter(admin, home)
    _credit(admin, customer)
    usage = _usage(admin, home, folder)
    customers = sorted((home / "demo").rglob("customers-*.csv"))[0]
    admin.send("/settings/imports/new/", kind="customers", file=customers)
    admin.send("/feedback/give/", "/", page="/customers/", text="The list is long.")
    soon = max(row["start"] for row in usage)[:10]
    admin.send("/billing/plans/new/", until=soon, accounts=_account(home, "M"))
    who = usage[0]["identifier"]
    return [
        f"/customers/{customer}/",
        f"/usage/records/?of={who}&from={usage[0]['start'][:7]}-01&to={soon}",
    ]


def _account(home: Path, letter: str) -> str:
    found = rows(home, "accounts-*.csv")
    return next(row["code"] for row in found if row["code"].startswith(letter))


def _tariff(admin: Doer, home: Path, folder: Path) -> None:
    """A draft with another price, and what if it held."""
    text = (home / "demo" / "software.yaml").read_text(encoding="utf-8")
    file = folder / "software.yaml"
    changed = re.sub(r'amount: "(\d+)\.00"', r'amount: "\1.90"', text, count=1)
    file.write_text(changed, encoding="utf-8")
    where, _text = admin.send("/catalog/drafts/new/", catalogue=file)
    draft = where.rstrip("/").split("/")[-1]
    asked, _text = admin.send("/insight/what-ifs/new/", draft=draft, months=1)
    until = time.monotonic() + PATIENCE
    while "<live-progress" in admin.read(asked):
        assert time.monotonic() < until, "the what-if is not worked out"
        time.sleep(0.5)


def resident(home: Path) -> str:
    """The code of the first customer with electricity, and of the account and contract."""
    found = rows(home, "identifiers-*.csv")
    return next(row["subscription"] for row in found if row["kind"] == "meter")


def _credit(admin: Doer, customer: str) -> None:
    """Credit above what one person may grant."""
    granted = {"account": customer, "amount": 9_000, "reason": "A long outage"}
    admin.send("/money/credit/grant/", **granted, confirm=1)


def _meter(admin: Doer, home: Path) -> str:
    """A device where somebody has electricity, read twice; gives the customer."""
    held = next(row for row in rows(home, "identifiers-*.csv") if row["kind"] == "meter")
    day = f"{sorted((home / 'demo' / 'usage').iterdir())[-1].name}-01"
    where, _text = admin.send(
        "/usage/meters/new/", serial="Z-4711", place=held["value"], day=day, register="1",
        usage_meter="energy", dials=6, decimals=0, multiplier=1, unit="kWh", first=1200,
    )  # fmt: skip
    admin.send(f"{where}read/", register="1", day=f"{day[:8]}15", value=1310, quality="customer")
    return held["subscription"]


def _usage(admin: Doer, home: Path, folder: Path) -> list[dict[str, str]]:
    """A file that was tried, and a delivery over HTTP; gives records of the demo."""
    found = [row for row in rows(home, "mobile-2*.csv") if row["meter"] == "voice"]
    file = folder / "extra.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, found[0])
        writer.writeheader()
        writer.writerow(found[0] | {"id": "tried-1"})
    admin.send("/usage/load/", file=file, trial=1)
    _url, told = admin.send("/settings/keys/new/", name="Mediation", permissions="usage.load")
    secret = SECRET.search(told)
    assert secret is not None
    event = found[0] | {"id": "sent-1"}
    answer = admin.requests.post(
        f"{admin.root}/v1/usage", data=event,
        headers={"Authorization": f"Bearer {secret[0]}"},
    )  # fmt: skip
    assert answer.ok, answer.text()
    return found
