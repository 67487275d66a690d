"""What can be wrong with what users ask of usage. A docstring is its error's message."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UsageFileError(MeterlineError):
    """{file}: {why}"""

    code = "usage_file"


class UnknownBatch(MeterlineError):
    """there is no usage batch {batch_id}: `meterline usage list` shows them"""

    code = "unknown_batch"


class BatchNotBackedOut(MeterlineError):
    """batch {batch_id} cannot be backed out: it is {why}"""

    code = "batch_not_backed_out"


class UnknownFolder(MeterlineError):
    """there is no folder {folder}"""

    code = "unknown_folder"


class UnknownRecord(MeterlineError):
    """no usage record has the id {record_id}, or it was taken out already"""

    code = "unknown_record"


class UnknownRejects(MeterlineError):
    """no open reject has the id {ids}: `meterline usage rejects` lists them"""

    code = "unknown_rejects"


class LateRejects(MeterlineError):
    """rejects {ids} came too late: accept them (on the list of rejects, or `meterline usage
    accept`), or discard them"""

    code = "late_rejects"


class UnknownStream(MeterlineError):
    """{url} is no stream that can be read: {why}"""

    code = "unknown_stream"


class UnknownReceipt(MeterlineError):
    """there is no receipt {receipt}, or it is so old that it was given up"""

    code = "unknown_receipt"


class NotWritten(MeterlineError):
    """{path} cannot be written: {problem}. Nothing was loaded: make room or mend the disk, then
    load the file again"""

    code = "not_written"
    exit_code = 1


class UploadMoved(MeterlineError):
    """{file} is {state} by now: open it again to see what can be done with it"""

    code = "upload_moved"


class NothingSelected(MeterlineError):
    """say which usage is meant: a batch, an account, a subscription, a price, or a time"""

    code = "nothing_selected"


class UnknownPrice(MeterlineError):
    """no plan has a usage price {price}: expected its code, or PLAN.CODE"""

    code = "unknown_price"


class RecordsAway(MeterlineError):
    """the records of batch {batch_id} are {where}: `meterline usage restore` brings archived ones
    back, erased ones cannot come back"""

    code = "records_away"


class NoArchive(MeterlineError):
    """the archive of batch {batch_id} is not at {url}, or not whole: {why}"""

    code = "no_archive"
    exit_code = 1


class InvalidRetention(MeterlineError):
    """records are kept for 1 month or more, then they are archived or erased; not {what}"""

    code = "invalid_retention"
