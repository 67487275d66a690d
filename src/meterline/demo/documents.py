"""The invoices that the demo leaves to open, as PDF."""

from __future__ import annotations

from meterline.demo import sql
from meterline.demo.run import Story
from meterline.invoices import reports
from meterline.invoices.formats import document_format
from meterline.platform.files import write_bytes


def leave_invoices(story: Story) -> None:
    """One long invoice of each seller, with its usage, in `story.folder`/invoices."""
    folder = story.folder / "invoices"
    folder.mkdir(parents=True, exist_ok=True)
    pdf = document_format("pdf")
    with story.timed("PDFs"):
        for row in sql.rows(sql.SHOWPIECES):
            document = reports.document(row["number"], usage_detail=True)
            path = folder / f"{row['number']}{pdf.SUFFIX}"
            write_bytes(path, pdf.render(document))
            story.invoices.append(path)
