"""Batches of usage, their totals, their rejects (TMF635 Usage)."""

from __future__ import annotations

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Now


class Batch(models.Model):
    """One load, committed as a whole. Ids increase in the order of commits."""

    source = models.CharField(max_length=200)
    file_name = models.TextField()
    format = models.CharField(max_length=30)
    digest = models.CharField(max_length=64)  # of the file's content
    state = models.CharField(max_length=20, default="committed")  # or backed_out
    committed_at = models.DateTimeField()
    records = models.BigIntegerField()
    rated = models.BigIntegerField()
    rejected = models.BigIntegerField()
    duplicates = models.BigIntegerField()
    totals = models.JSONField()  # control totals by price: events, quantity, amount
    path = models.CharField(max_length=100)  # folder of its files under {home}/usage; "": none
    supersedes = models.BooleanField(default=False)  # rows of earlier batches
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    first_start = models.DateTimeField(null=True)
    last_start = models.DateTimeField(null=True)
    records_at = models.CharField(max_length=10, default="here")  # archived, erased
    archive = models.TextField(default="")  # URL of the folder with its records, if archived

    class Meta:
        db_table = "usage_batch"
        indexes = (
            models.Index(fields=["committed_at", "id"], name="batches_by_time"),
            models.Index(fields=["digest"], name="batches_by_digest"),
            models.Index(fields=["id"], name="batches_backed_out",
                         condition=models.Q(state="backed_out")),
        )  # fmt: skip
        constraints = (
            models.CheckConstraint(
                condition=models.Q(
                    records=models.F("rated") + models.F("rejected") + models.F("duplicates")
                ),
                name="every_record_ends_somewhere",
            ),
        )


class Upload(models.Model):
    """A file that somebody gave to a page, to be loaded in the background."""

    file_name = models.TextField()
    folder = models.CharField(max_length=40)  # under {home}/uploads: the file, and its mapping
    format = models.CharField(max_length=30)  # "": recognised
    source = models.CharField(max_length=200)
    lines = models.BigIntegerField()
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    trial = models.BooleanField(default=False)  # to be tried, and not to be kept
    figures = models.JSONField(null=True)  # of a trial: uploads.FIGURES, and batch: loaded before
    state = models.CharField(max_length=20, default="waiting")  # loading, tried, loaded, failed
    problem = models.TextField(default="")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT)

    class Meta:
        db_table = "usage_upload"


class Receipt(models.Model):
    """Usage that came over HTTP or a stream: durable, and to be loaded with the next batch."""

    code = models.CharField(max_length=32, unique=True)  # what its sender knows it by
    source = models.CharField(max_length=200)
    format = models.CharField(max_length=30)
    events = models.IntegerField()
    size = models.IntegerField()  # bytes, as they came
    body = models.BinaryField(null=True)  # lines of JSON, an event each, packed; null once loaded
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=200)
    state = models.CharField(max_length=20, default="waiting")  # or done
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT)
    rejected = models.IntegerField(default=0)
    duplicates = models.IntegerField(default=0)
    repeated = models.JSONField(default=list)  # numbers of the events that are duplicates, from 1
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "usage_receipt"
        indexes = (
            models.Index(
                fields=["id"], name="usage_receipts_waiting", condition=models.Q(state="waiting"),
                include=["source", "format", "events"],
            ),
            models.Index(fields=["received_at", "id"], name="usage_receipts_by_time"),
        )  # fmt: skip
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="waiting", body__isnull=False, batch=None)
                | models.Q(state="done", body=None, batch__isnull=False),
                name="waiting_with_body_or_done_with_batch",
            ),
        )

    @property
    def rated(self) -> int:
        """The events that were rated, once it is loaded."""
        return self.events - self.rejected - self.duplicates if self.state == "done" else 0


class Total(models.Model):
    """What one batch adds to a subscription's period at a price. Append-only."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    account_id = models.BigIntegerField()
    subscription_id = models.BigIntegerField()
    price_id = models.BigIntegerField()
    period_start = models.DateField()
    season = models.CharField(max_length=100, null=True)
    band = models.CharField(max_length=100, null=True)
    by_value = models.TextField(null=True)
    events = models.BigIntegerField()
    quantity = models.DecimalField(max_digits=38, decimal_places=10)
    amount = models.DecimalField(max_digits=58, decimal_places=20)
    denominator = models.BigIntegerField()

    class Meta:
        db_table = "usage_total"
        indexes = (models.Index(fields=["account_id", "period_start", "batch"]),)


class Drawn(models.Model):
    """What one batch takes of an allowance's lot for a subscription's period at a price.
    Append-only; what is left of a lot is its grant less the sum.

    A lot is known by its owner (the subscription, or 0: all of the account), the code and digest of
    its allowance, and its start. The amount is units, or money.
    """

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    account_id = models.BigIntegerField()
    owner_id = models.BigIntegerField()
    allowance = models.CharField(max_length=100)
    definition = models.CharField(max_length=16)
    lot_start = models.DateTimeField()
    subscription_id = models.BigIntegerField()
    price_id = models.BigIntegerField()
    period_start = models.DateField()
    amount = models.DecimalField(max_digits=58, decimal_places=20)
    denominator = models.BigIntegerField()
    last_start = models.DateTimeField(null=True)  # of the records that may use the lot

    class Meta:
        db_table = "usage_drawn"
        indexes = (models.Index(fields=["account_id", "lot_start"]),)


class Reject(models.Model):
    """A record that could not be rated, and why; to be recycled or discarded."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT)
    file_name = models.TextField()
    line = models.BigIntegerField()
    reason = models.CharField(max_length=50)
    detail = models.TextField()
    record = models.JSONField()
    state = models.CharField(max_length=20, default="open")  # open, recycled, discarded

    class Meta:
        db_table = "usage_reject"
        indexes = (
            models.Index(fields=["state", "id"], name="usage_rejects_by_state"),
            models.Index(fields=["state", "reason", "id"], name="usage_rejects_by_reason"),
            models.Index(KT("record__identifier"), name="usage_rejects_by_identifier",
                         condition=models.Q(state="open")),
        )  # fmt: skip


class Source(models.Model):
    """What sends usage. One with a folder is looked at by the worker."""

    code = models.CharField(max_length=200, unique=True)
    folder = models.TextField(default="")
    format = models.CharField(max_length=30, default="")
    mapping = models.TextField(default="")  # path of the mapping file
    settle_seconds = models.IntegerField(default=5)
    late_days = models.PositiveIntegerField(null=True)  # older records go to review; null: none
    keep_months = models.IntegerField(null=True)  # of its records; null: for ever
    afterwards = models.CharField(max_length=10, default="archive")  # or erase
    archive = models.TextField(default="")  # URL or folder; "": {home}/archive

    class Meta:
        db_table = "usage_source"


class Retired(models.Model):
    """A folder of usage that no batch owns any more: removed once nobody can be reading it."""

    path = models.CharField(max_length=100, unique=True)
    retired_at = models.DateTimeField(db_default=Now())  # by the clock of the database

    class Meta:
        db_table = "usage_retired"


class KnownKeys(models.Model):
    """A run of keys (key_run.py), by which records are known that come again: of the batches up to
    one, as far as no earlier run has them. It can be made anew from what the batches hold."""

    path = models.CharField(max_length=100, unique=True)  # its folder under {home}/usage
    batch_last = models.BigIntegerField()
    keys = models.BigIntegerField()

    class Meta:
        db_table = "usage_known_keys"


class Erasure(models.Model):
    """The records of an account were erased, in all batches up to one; totals stand."""

    account_id = models.BigIntegerField(db_index=True)
    batch_id_last = models.BigIntegerField()
    records = models.BigIntegerField()  # of all accounts that were erased with it
    at = models.DateTimeField()
    by = models.CharField(max_length=200)

    class Meta:
        db_table = "usage_erasure"


class Stream(models.Model):
    """A sequence of numbered files of a source, and the number that comes next."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    name = models.CharField(max_length=200)
    expected = models.BigIntegerField()

    class Meta:
        db_table = "usage_stream"
        constraints = (
            models.UniqueConstraint(fields=["source", "name"], name="one_stream_of_a_name"),
        )


class Gap(models.Model):
    """Numbers of files that are missing in a stream; gone once they came."""

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    noticed_at = models.DateTimeField()

    class Meta:
        db_table = "usage_gap"


class Delivery(models.Model):
    """What the file of a batch told of itself, and what was found."""

    batch = models.OneToOneField(Batch, on_delete=models.PROTECT)
    stream = models.ForeignKey(Stream, null=True, on_delete=models.PROTECT)
    sequence = models.BigIntegerField(null=True)
    left_out = models.BigIntegerField()  # rows that are no usage, by the mapping or the format
    remarks = models.JSONField()  # sentences: figures that do not agree, records the sender lost

    class Meta:
        db_table = "usage_delivery"
