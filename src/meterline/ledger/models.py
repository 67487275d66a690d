"""Journal entries and their lines (double entry)."""

from __future__ import annotations

from django.db import models


class Entry(models.Model):
    """One business act in the books. Its lines sum to zero in each currency."""

    date = models.DateField()
    posted_at = models.DateTimeField()
    kind = models.CharField(max_length=30)  # invoice, credit_note, payment, recognition, ...
    reference = models.CharField(max_length=400)  # a payment's code and its own
    account_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "ledger_entry"
        indexes = (
            models.Index(fields=["account_id", "date", "id"], name="entries_by_account"),
            models.Index(fields=["date", "id"], name="entries_by_date"),
            models.Index(fields=["kind", "date", "id"], name="entries_by_kind"),
        )  # fmt: skip


class TrialBalance(models.Model):
    """Debit, credit and balance of each ledger account as last added up: by a job, since that reads
    every line of the books."""

    up_to = models.CharField(max_length=10, primary_key=True)  # a day, inclusive; "": everything
    computed_at = models.DateTimeField()
    content = models.JSONField()  # rows: ledger_account, currency, debit, credit, balance as text

    class Meta:
        db_table = "ledger_trialbalance"


class Line(models.Model):
    """An amount on a ledger account: debit > 0, credit < 0."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT)
    ledger_account = models.CharField(max_length=100)
    account_id = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=28, decimal_places=10)

    class Meta:
        db_table = "ledger_line"
        indexes = (models.Index(fields=["account_id", "ledger_account"]),)
        constraints = (
            models.CheckConstraint(condition=~models.Q(amount=0), name="no_line_of_nothing"),
        )
