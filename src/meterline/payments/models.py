"""Payments, their allocation, what is open and what is credit (TMF676 Payment)."""

from __future__ import annotations

from django.db import models

KINDS = ("payment", "refund", "chargeback", "credit", "void", "expiry")


class Payment(models.Model):
    """Money in (payment), out (refund), taken back by a bank (chargeback), or credit that was
    granted (credit), taken back (void) or not used in time (expiry)."""

    code = models.CharField(max_length=100, unique=True)
    account = models.ForeignKey("customers.Account", on_delete=models.PROTECT)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    method = models.CharField(max_length=40)
    reference = models.CharField(max_length=200)

    class Meta:
        db_table = "payments_payment"
        indexes = (
            models.Index(fields=["at", "id"], name="payments_by_time"),
            models.Index(
                fields=["kind", "at", "id"], condition=~models.Q(kind="payment"),
                name="payments_of_other_kinds",
            ),
        )  # fmt: skip
        constraints = (
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payment_above_zero"),
        )


class Allocation(models.Model):
    """What of a payment went to an invoice; negative where a chargeback took it back."""

    account_id = models.BigIntegerField()
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    at = models.DateTimeField()

    class Meta:
        db_table = "payments_allocation"
        indexes = (
            models.Index(fields=["account_id", "invoice"], name="payments_allocated_by_account"),
        )


class OpenItem(models.Model):
    """What is still to be paid of an invoice."""

    invoice = models.OneToOneField("invoices.Invoice", on_delete=models.PROTECT, primary_key=True)
    account_id = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    due_date = models.DateField()
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    open = models.DecimalField(max_digits=28, decimal_places=10)

    class Meta:
        db_table = "payments_openitem"
        indexes = (
            models.Index(
                fields=["account_id", "due_date", "invoice"],
                condition=models.Q(open__gt=0),
                name="payments_open_by_account",
            ),
            models.Index(
                fields=["due_date", "invoice"],
                condition=models.Q(open__gt=0),
                name="payments_open_by_due_date",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(open__gte=0, open__lte=models.F("amount")),
                name="open_within_amount",
            ),
        )


class Credit(models.Model):
    """What an account has paid, or was granted, beyond its invoices."""

    account_id = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    credit = models.DecimalField(max_digits=28, decimal_places=10)

    class Meta:
        db_table = "payments_credit"
        constraints = (
            models.UniqueConstraint(
                fields=["account_id", "currency"], name="one_credit_a_currency"
            ),
            models.CheckConstraint(condition=models.Q(credit__gte=0), name="credit_not_below_zero"),
        )


class Grant(models.Model):
    """Credit that was granted: what is left of it, until when, and what it pays for.

    What is left is part of the account's Credit; the rest of that is what was paid too much, or
    came back by credit notes.
    """

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, primary_key=True)
    account_id = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    remaining = models.DecimalField(max_digits=28, decimal_places=10)
    priority = models.IntegerField(default=100)
    expires_at = models.DateTimeField(null=True)
    only_usage = models.BooleanField(default=False)
    price_codes = models.JSONField(default=list)

    class Meta:
        db_table = "payments_grant"
        indexes = (
            models.Index(
                fields=["account_id"], condition=models.Q(remaining__gt=0), name="grants_by_account"
            ),
            models.Index(
                fields=["expires_at"], condition=models.Q(remaining__gt=0), name="grants_by_expiry"
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0, remaining__lte=models.F("amount")),
                name="remaining_within_grant",
            ),
        )


class GrantUse(models.Model):
    """What was taken from a grant: by an invoice, or by a refund, void or expiry. Append-only."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="uses")
    kind = models.CharField(max_length=20)  # used, or the kind of the payment
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, null=True)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    at = models.DateTimeField()

    class Meta:
        db_table = "payments_grantuse"
        constraints = (
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="grant_use_above_zero"),
        )
