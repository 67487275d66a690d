"""`meterline catalog`: what the catalogue's own commands lack, since it needs rooms above."""

from __future__ import annotations

from meterline.catalog.commands import app
from meterline.insight.commands import simulate_command

app.command("simulate")(simulate_command)
