"""What can be wrong with the files of a draft."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class ScenariosMalformed(MeterlineError):
    """scenarios cannot be played: {problems}"""

    code = "scenarios_malformed"


class ScenarioOfAnother(MeterlineError):
    """{file}: scenario {scenario!r} tests {catalog}, not {draft}: let its `catalog` name the
    draft's file"""

    code = "scenario_of_another"
