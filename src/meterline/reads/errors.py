"""What can be wrong with what users ask of meters and reads. A docstring is its error's message."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownMeter(MeterlineError):
    """there is no meter {serial}: `meterline meter list` shows them"""

    code = "unknown_meter_device"


class UnknownRegister(MeterlineError):
    """meter {serial} has no register {code}: it has {known}"""

    code = "unknown_register"


class MeterNotInstalled(MeterlineError):
    """meter {serial} is not installed at {at}: `meterline meter list` tells where it was"""

    code = "meter_not_installed"


class MeterInstalled(MeterlineError):
    """meter {serial} is installed at {identifier} from {since}: remove it first"""

    code = "meter_installed"


class MeterKnown(MeterlineError):
    """meter {serial} is known already, with registers {known}: they stay as they are"""

    code = "meter_known"


class InvalidRegister(MeterlineError):
    """{field} of register {code} cannot be {value}: expected {expected}"""

    code = "invalid_register"


class InvalidRead(MeterlineError):
    """the read is refused: {why}"""

    code = "invalid_read"


class UnknownRead(MeterlineError):
    """there is no read {read_id} in that state: `meterline reads list` shows them"""

    code = "unknown_read"


class ReadContradicted(MeterlineError):
    """read {read_id} cannot count: the one of {at} contradicts it. Replace or dismiss that one
    first"""

    code = "read_contradicted"


class InvalidRule(MeterlineError):
    """{field} cannot be {value}: expected {expected}"""

    code = "invalid_reads_rule"


class InvalidVirtual(MeterlineError):
    """virtual register {code}: {why}"""

    code = "invalid_virtual_register"
