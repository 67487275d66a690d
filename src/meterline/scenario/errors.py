"""Errors of the scenario runner that its user can mend."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class ScratchRefused(MeterlineError):
    """Scenarios run on a scratch database, which the server refused to create: {reason}.
    Grant the database user CREATEDB, or leave METERLINE_DATABASE_URL unset to use the
    embedded server."""

    code = "scratch_refused"
