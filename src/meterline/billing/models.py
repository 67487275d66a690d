"""Bill runs: what was asked, how far it got; and up to when each account has been billed."""

from __future__ import annotations

from datetime import date, datetime

from django.db import models


class BillRun(models.Model):
    """One run over many accounts. Its chunks are committed in order, so that it can be resumed."""

    until = models.CharField(max_length=40)  # a date or an instant, ISO 8601
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    chunk_size = models.IntegerField()
    chunks = models.IntegerField()
    chunks_done = models.IntegerField(default=0)
    accounts = models.IntegerField()
    invoices = models.IntegerField(default=0)
    boundaries = models.JSONField(default=list)  # first account id of each chunk
    selection = models.JSONField(null=True)  # account codes, null: all
    progressive = models.BooleanField(default=False)
    report = models.JSONField(null=True)  # once finished: totals by currency, the largest

    class Meta:
        db_table = "billing_run"

    @property
    def until_at(self) -> datetime | date:
        """`until` as a date (midnight in each account's zone) or as an instant."""
        return (
            date.fromisoformat(self.until)
            if len(self.until) == 10
            else datetime.fromisoformat(self.until)
        )


class Plan(models.Model):
    """A run that somebody wants: what it would bill, looked at and approved before it is issued."""

    until = models.CharField(max_length=40)  # as of the run
    selection = models.JSONField(null=True)  # account codes, null: all
    progressive = models.BooleanField(default=False)
    state = models.CharField(max_length=20, default="checking")  # STATES
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    done = models.IntegerField(default=0)  # accounts, of what is at work
    accounts = models.IntegerField()
    figures = models.JSONField(null=True)  # of the dry run: see planning.check
    problem = models.TextField(default="")  # why it failed
    run = models.ForeignKey(BillRun, null=True, on_delete=models.PROTECT)

    STATES = ("checking", "checked", "issuing", "issued", "failed", "dropped")

    class Meta:
        db_table = "billing_plan"


class AccountState(models.Model):
    """How much of an account's history its last bill took into account."""

    account_id = models.BigIntegerField(primary_key=True)
    billed_until = models.DateTimeField()
    last_batch_id = models.BigIntegerField()
    last_change_id = models.BigIntegerField()
    last_billing_day_id = models.BigIntegerField()

    class Meta:
        db_table = "billing_accountstate"
