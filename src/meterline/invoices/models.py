"""Invoices and credit notes as issued: immutable, numbered without gaps (TMF678 CustomerBill)."""

from __future__ import annotations

from django.db import models


class NumberSeries(models.Model):
    """The next number of a seller's series; locked while numbers are drawn, so without gaps."""

    seller = models.ForeignKey("customers.Seller", on_delete=models.PROTECT)
    series = models.CharField(max_length=20)
    next_number = models.BigIntegerField(default=1)

    class Meta:
        db_table = "invoices_numberseries"
        constraints = [
            models.UniqueConstraint(fields=["seller", "series"], name="one_row_a_series"),
        ]


class Invoice(models.Model):
    """One document to one account: an invoice, or a credit note when its total is negative."""

    number = models.CharField(max_length=40, unique=True)
    seller = models.ForeignKey("customers.Seller", on_delete=models.PROTECT, db_index=False)
    series = models.CharField(max_length=20)
    sequence_number = models.BigIntegerField()
    kind = models.CharField(
        max_length=20, choices=[("invoice", "invoice"), ("credit_note", "credit note")]
    )
    account = models.ForeignKey("customers.Account", on_delete=models.PROTECT, db_index=False)
    currency = models.CharField(max_length=3)
    issued_at = models.DateTimeField()
    issue_date = models.DateField()
    due_date = models.DateField()
    net = models.DecimalField(max_digits=28, decimal_places=10)
    tax = models.DecimalField(max_digits=28, decimal_places=10)
    total = models.DecimalField(max_digits=28, decimal_places=10)
    credit_applied = models.DecimalField(max_digits=28, decimal_places=10, default=0)
    due = models.DecimalField(max_digits=28, decimal_places=10)
    bill_run_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "invoices_invoice"
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "series", "sequence_number"],
                name="one_invoice_a_number",
            ),
            models.CheckConstraint(
                condition=models.Q(total=models.F("net") + models.F("tax")),
                name="total_is_net_plus_tax",
            ),
            models.CheckConstraint(
                condition=models.Q(due=models.F("total") - models.F("credit_applied")),
                name="due_is_total_less_credit",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "issue_date"]),
            models.Index(fields=["issue_date", "id"], name="invoices_by_day"),
            models.Index(fields=["total"], name="invoices_by_total"),
            models.Index(
                fields=["bill_run_id", "issue_date", "id"],
                condition=models.Q(bill_run_id__isnull=False),
                name="invoices_by_run",
            ),
            models.Index(
                fields=["issue_date", "id"], condition=models.Q(kind="credit_note"),
                name="credit_notes_by_day",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number


class Line(models.Model):
    """One charge on an invoice (TMF678 AppliedCustomerBillingRate).

    `track` and the period say which charge it bills, so that the next run can subtract it;
    `inputs` is what its explanation is made from.
    """

    # written with its invoice, which never goes: checking each line again would cost the most
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    position = models.IntegerField()
    account_id = models.BigIntegerField()
    subscription_id = models.BigIntegerField(null=True)
    price_id = models.BigIntegerField(null=True)
    price_code = models.CharField(max_length=100, null=True)
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=20)
    start_at = models.DateTimeField(null=True)
    end_at = models.DateTimeField(null=True)
    quantity = models.DecimalField(max_digits=38, decimal_places=10, null=True)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    tax_code = models.CharField(max_length=100, null=True)
    tax_percent = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    tax_amount = models.DecimalField(max_digits=28, decimal_places=10, null=True)
    season = models.CharField(max_length=100, null=True)
    band = models.CharField(max_length=100, null=True)
    by_value = models.TextField(null=True)
    track = models.TextField()
    advance = models.BooleanField(default=False)
    inputs = models.JSONField(null=True)

    class Meta:
        db_table = "invoices_line"
        indexes = [
            models.Index(fields=["account_id", "end_at"]),
            models.Index(fields=["invoice", "position"]),
        ]


class InvoiceTax(models.Model):
    """The tax of one document at one rate."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, related_name="taxes", db_constraint=False, db_index=False
    )
    code = models.CharField(max_length=100)
    percent = models.DecimalField(max_digits=12, decimal_places=6)
    base = models.DecimalField(max_digits=28, decimal_places=10)
    amount = models.DecimalField(max_digits=28, decimal_places=10)

    class Meta:
        db_table = "invoices_tax"
        indexes = [models.Index(fields=["invoice"])]


class PrintRun(models.Model):
    """Bills that go to the print shop together, as one ZIP of PDFs."""

    documents = models.IntegerField()
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "invoices_printrun"


class Sending(models.Model):
    """A document on its way to its customer, once by e-mail or on paper.

    It begins in the transaction that issues the document. `sending` is said before the mail server
    is spoken to: what is found so, though nobody is at it, is `unknown`, and is never sent again by
    itself.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT)
    channel = models.CharField(max_length=10)  # email, post
    state = models.CharField(max_length=10, default="waiting")  # sending.STATES
    address = models.CharField(max_length=320, default="")  # the one that was used
    attempts = models.IntegerField(default=0)
    due_at = models.DateTimeField()  # not before
    problem = models.CharField(max_length=40, default="")  # sending.PROBLEMS
    answer = models.TextField(default="")  # what the mail server said
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    print_run = models.ForeignKey(PrintRun, null=True, on_delete=models.PROTECT)

    class Meta:
        db_table = "invoices_sending"
        indexes = (
            models.Index(
                fields=["channel", "state", "due_at"], name="sendings_that_wait",
                condition=models.Q(state__in=("waiting", "sending")),
            ),
            models.Index(fields=["state", "id"], name="sendings_by_state"),
        )  # fmt: skip
        constraints = (
            models.UniqueConstraint(
                fields=["invoice", "channel"], name="one_sending_under_way",
                condition=models.Q(state__in=("waiting", "sending")),
            ),
        )  # fmt: skip
