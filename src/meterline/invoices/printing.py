"""Bills on paper: those that wait, as one ZIP of PDFs for the print shop."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from django.db import transaction

from meterline.invoices import reading
from meterline.invoices.document import InvoiceDocument
from meterline.invoices.formats import document_format
from meterline.invoices.models import PrintRun, Sending
from meterline.platform import audit, clock, files

_CHUNK = 200
_INDEX = ("file", "number", "account", "name", "address", "country", "due", "currency")


@transaction.atomic
def plan() -> PrintRun | None:
    """Put all that wait for paper into one run; None where nothing waits."""
    found = Sending.objects.select_for_update(skip_locked=True).filter(
        channel="post", state="waiting"
    ).order_by("pk")  # fmt: skip
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        return None
    run = PrintRun.objects.create(documents=len(ids), asked_by=audit.actor(), asked_at=clock.now())
    Sending.objects.filter(pk__in=ids).update(state="sending", print_run=run)
    audit.record("invoice.print", f"print_run:{run.pk}", after={"documents": len(ids)})
    return run


def unfinished() -> list[int]:
    """Runs whose file is not written yet."""
    return list(PrintRun.objects.filter(finished_at=None).order_by("pk").values_list(
        "pk", flat=True))  # fmt: skip


def write(run_id: int) -> Path:
    """Write the ZIP of a run; once it is there whole, its bills are sent. May be run twice."""
    path = file_of(run_id)
    ids = list(
        Sending.objects.filter(print_run=run_id).order_by("invoice_id")
        .values_list("invoice_id", flat=True)
    )  # fmt: skip
    files.write_whole(path, lambda part: _fill(part, ids))
    with transaction.atomic():
        now = clock.now()
        Sending.objects.filter(print_run=run_id, state="sending").update(state="sent", done_at=now)
        PrintRun.objects.filter(pk=run_id, finished_at=None).update(finished_at=now)
    return path


def file_of(run_id: int) -> Path:
    """Where the ZIP of a run is."""
    return files.folder("print") / f"bills-{run_id}.zip"


def _fill(path: Path, invoice_ids: list[int]) -> None:
    """PDFs by number, and an index that says whose each is."""
    pdf = document_format("pdf")
    index = io.StringIO()
    table = csv.writer(index)
    table.writerow(_INDEX)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for first in range(0, len(invoice_ids), _CHUNK):
            for document in reading.documents(invoice_ids[first : first + _CHUNK]):
                name = f"{document.number.replace('/', '-')}{pdf.SUFFIX}"
                archive.writestr(name, pdf.render(document))
                table.writerow([name, *_told(document)])
        archive.writestr("index.csv", index.getvalue())


def _told(document: InvoiceDocument) -> list[str]:
    customer = document.customer
    return [
        document.number, document.account, customer.name, ", ".join(customer.lines),
        customer.country, f"{document.due.normalize():f}", document.currency,
    ]  # fmt: skip
