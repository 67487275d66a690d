"""Background work of usage."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit
from meterline.usage import uploads


@app.task
def load_upload(upload: int, actor: str) -> None:
    """Load a file that somebody gave to a page, in their name."""
    with audit.acting_as(actor):
        uploads.load(upload)
