"""Steps played through the real services, a file for each family of steps."""

from __future__ import annotations

from meterline.scenario.play import billing, contracts, meters, money, usage  # noqa: F401 (registers)
from meterline.scenario.play.registry import play

__all__ = ["play"]
