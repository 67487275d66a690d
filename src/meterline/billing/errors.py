"""What can be wrong with a request to bill."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class RunInProgress(MeterlineError):
    """another bill run is at work on this database: wait until it has ended, then try again"""

    code = "bill_run_in_progress"


class UnknownAccounts(MeterlineError):
    """unknown accounts: {codes}. `meterline account list` shows the known ones"""

    code = "unknown_accounts"


class OtherRunUnfinished(MeterlineError):
    """bill run {run_id} until {until} was interrupted after {done} of {chunks} chunks: finish it
    first with `meterline bill resume`"""

    code = "bill_run_unfinished"


class WorkerLost(MeterlineError):
    """a bill worker died. What was committed stands; `meterline bill resume` goes on from there"""

    code = "bill_worker_lost"
    exit_code = 1


class EarlierChunkFailed(MeterlineError):
    """a chunk of the run could not be committed, so that those after it were not either; `meterline
    bill resume` goes on from there"""

    code = "bill_chunk_failed"
    exit_code = 1


class PlanMoved(MeterlineError):
    """plan {plan} is {state} by now: open it again to see what can be done with it"""

    code = "bill_plan_moved"
