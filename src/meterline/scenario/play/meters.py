"""Meters and their reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from meterline.reads import services as reads
from meterline.scenario.play.registry import play
from meterline.scenario.steps import (
    EstimateReads,
    ExchangeMeter,
    GasFactor,
    InstallMeter,
    ReadMeter,
    RegisterSpec,
    RemoveMeter,
    Step,
    VirtualRegister,
)
from meterline.scenario.world import World


def _specs(registers: Mapping[str, RegisterSpec]) -> list[reads.RegisterSpec]:
    return [
        reads.RegisterSpec(
            code=code, usage_meter=one.meter or "", dials=one.dials, decimals=one.decimals,
            multiplier=one.multiplier, unit=one.unit, direction=one.direction,
            band=one.band or "", zone=one.zone or "", profile=one.profile or "", annual=one.annual,
        )
        for code, one in registers.items()
    ]  # fmt: skip


def _at(step: Step, world: World, serial: str) -> datetime:
    """A bare date is midnight in the meter's zone."""
    return world.instant(step.at, ZoneInfo(reads.meter_of(serial).timezone))


@play.register
def _(step: InstallMeter, world: World) -> None:
    new = reads.NewMeter(serial=step.serial, registers=_specs(step.registers))
    at = world.instant(step.at, ZoneInfo(reads.zone_of(step.identifier)))
    reads.install(new, step.identifier, at, step.first)


@play.register
def _(step: ExchangeMeter, world: World) -> None:
    new = reads.NewMeter(serial=step.new, registers=_specs(step.registers))
    at = _at(step, world, step.serial)
    reads.exchange(step.serial, new, at, final=step.final, first=step.first)


@play.register
def _(step: RemoveMeter, world: World) -> None:
    reads.remove(step.serial, _at(step, world, step.serial), step.final)


@play.register
def _(step: ReadMeter, world: World) -> None:
    at = _at(step, world, step.serial)
    made = reads.add(
        step.serial, step.value, at, register=step.register_, quality=step.quality,
        source="scenario",
    )  # fmt: skip
    held = made.reason if made is not None and made.state == "held" else None
    if held != step.held:
        world.differs(f"expected {step.held or 'a read that counts'}, but it is {held or 'none'}")


@play.register
def _(step: EstimateReads, world: World) -> None:
    reads.estimate(world.instant(step.at, world.shared_zone()))


@play.register
def _(step: GasFactor, world: World) -> None:
    reads.set_factor(
        step.zone, world.instant(step.at, world.shared_zone()),
        calorific_value=step.calorific_value, correction_factor=step.correction_factor,
        decimals=step.decimals,
    )  # fmt: skip


@play.register
def _(step: VirtualRegister, world: World) -> None:
    parts = [(1 if part[0] == "+" else -1, *part[1:].rsplit("/", 1)) for part in step.parts]
    reads.set_virtual(
        step.code, step.identifier, [(sign, place, code) for sign, place, code in parts],
        usage_meter=step.meter, surplus_meter=step.surplus or "",
    )  # fmt: skip
