"""`meterline migrate`, `worker`, `serve`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer


def migrate() -> None:
    """Bring the database's schema up to date."""
    from meterline.platform.migrate import migrate as apply
    from meterline.platform.migrate import pending

    missing = pending()
    apply()
    typer.echo(f"{len(missing)} migrations applied." if missing else "Nothing to do.")


def worker(
    once: Annotated[bool, typer.Option("--once", help="Stop when no job is waiting.")] = False,
    concurrency: Annotated[int, typer.Option(help="Jobs at a time.")] = 1,
) -> None:
    """Work on background jobs until stopped."""
    from procrastinate.contrib.django import app

    from meterline.platform import jobs, libraries
    from meterline.platform.beside import loops

    libraries.load()
    typer.echo(f"worker: waiting for jobs such as {jobs.publish_events.name} (Ctrl-C stops)")
    connector = app.connector.get_worker_connector()  # type: ignore[attr-defined]
    with app.replace_connector(connector) as ready, nullcontext() if once else loops():
        ready.run_worker(wait=not once, concurrency=concurrency)
