"""Files given to pages: checked, then imported; what is refused comes back in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from payments.conftest import issue_document
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.console import jobs
from meterline.console.models import Import
from meterline.customers.models import Customer
from meterline.customers.services import create_account
from meterline.payments.models import Payment

Sign = Callable[[str], Client]
CUSTOMERS = b"code,name,email\nC1,Ann,ann@example.com\nC2,,\nC1,Again,\nC3,Cy,no address\n"


def work() -> None:
    """Do the newest job."""
    job = ProcrastinateJob.objects.latest("id")
    getattr(jobs, job.task_name.rsplit(".", 1)[-1])(**job.args)


def give(client: Client, content: bytes, kind: str = "customers") -> Import:
    file = SimpleUploadedFile("../people.csv", content)
    client.post(reverse("console.import_new"), {"kind": kind, "file": file})
    work()
    return Import.objects.latest("id")


def test_rows_are_checked_then_imported(clerk: Sign, db: None, home: Path) -> None:
    client = clerk("billing")
    one = give(client, CUSTOMERS)
    assert (one.file_name, one.state) == ("people.csv", "checked")
    assert (one.rows, one.good, one.refused) == (4, 1, 3)
    assert not Customer.objects.filter(code="C1").exists()
    page = client.get(reverse("console.import_file", args=[one.pk])).content.decode()
    assert "Download the refused rows" in page
    refused = b"".join(client.get(reverse("console.import_refused", args=[one.pk])))
    assert refused.count(b"\n") == 4
    assert b"no address" in refused
    act = reverse("console.import_carry_out", args=[one.pk])
    assert "Import 1 rows" in client.post(act).content.decode()
    client.post(act, {"confirm": "1"})
    work()
    one.refresh_from_db()
    assert (one.state, one.good) == ("done", 1)
    assert Customer.objects.filter(code="C1").count() == 1
    assert client.post(act, {"confirm": "1"}).status_code == 422  # once
    assert "people.csv" in clerk("finance").get(reverse("console.imported")).content.decode()


def test_a_file_that_is_none_is_told_and_given_up(clerk: Sign, db: None, home: Path) -> None:
    client = clerk("billing")
    one = give(client, b"nothing,like,it\n1,2,3\n")
    assert one.state == "failed"
    assert "people.csv" in one.problem
    assert str(home) not in one.problem
    client.post(reverse("console.import_drop", args=[one.pk]))
    assert not Import.objects.exists()
    assert list((home / "imports").iterdir()) == []


def test_a_bank_statement_settles_invoices(clerk: Sign, db: None, home: Path) -> None:
    client = clerk("finance")
    account = create_account(code="A1", currency="EUR")
    issue_document(account, "10.00", date(2024, 1, 1))
    rows = b"account,amount,at\nA1,10.00,2024-02-01\nA9,1.00,2024-02-01\n"
    client.post(reverse("console.statement"), {"file": SimpleUploadedFile("bank.csv", rows)})
    work()
    one = Import.objects.get()
    assert (one.kind, one.good, one.refused) == ("payments", 1, 1)
    client.post(reverse("console.import_carry_out", args=[one.pk]), {"confirm": "1"})
    work()
    assert Payment.objects.get().account == account


@pytest.mark.parametrize(("role", "kinds"), [("finance", ["sellers", "payments"]), ("auditor", [])])
def test_one_imports_what_one_may_change(
    clerk: Sign, db: None, home: Path, role: str, kinds: list[str]
) -> None:
    """Whoever sees the list of imports reads a file of it, and can do nothing with it."""
    client = clerk(role)
    page = client.get(reverse("console.import_new"))
    assert page.context["kinds"] == kinds
    one = give(clerk("admin"), CUSTOMERS)
    shown = client.get(reverse("console.import_file", args=[one.pk]))
    assert (shown.status_code, shown.context["mine"]) == (200, False)
    assert b"<form" not in shown.content.split(b"<main")[1].split(b"</main>")[0]
    for act in ("console.import_drop", "console.import_carry_out"):
        assert client.post(reverse(act, args=[one.pk]), {"confirm": "1"}).status_code == 404
    file = SimpleUploadedFile("people.csv", CUSTOMERS)
    client.post(reverse("console.import_new"), {"kind": "customers", "file": file})
    assert Import.objects.count() == 1
