"""Errors of the demo that its user can mend."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class DatabaseNotEmpty(MeterlineError):
    """The database already holds {customers} customers, and the demo does not mix with them.
    Point METERLINE_HOME to another folder, or, if all of them come from an earlier demo, run
    it with --reset."""

    code = "demo_database_not_empty"


class NotOnlyDemoData(MeterlineError):
    """The database holds {customers} customers that no demo made, so it is not reset.
    Point METERLINE_HOME to another folder."""

    code = "demo_not_only_demo_data"


class DemoTooSmall(MeterlineError):
    """A demo has at least 3 customers, one of each seller, and 1 month."""

    code = "demo_too_small"


class ImportRejected(MeterlineError):
    """{rejected} rows of {file} were refused: the file of rejects beside it tells why"""

    code = "demo_import_rejected"


class NotASandbox(MeterlineError):
    """this installation is no sandbox: only a demo company that runs with METERLINE_SANDBOX set can
    be reset"""

    code = "not_a_sandbox"


class ResetUnderWay(MeterlineError):
    """the demo company is being reset already: wait until that has ended"""

    code = "reset_under_way"
