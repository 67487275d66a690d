"""Background jobs of the web."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.web import figures
from meterline.web.page import load_pages


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="refresh_figures", pass_context=False)
def refresh_figures(timestamp: int) -> None:
    """Compute the key figures of Home, every ten minutes."""
    load_pages()  # rooms bring their figures with their pages
    figures.refresh()
