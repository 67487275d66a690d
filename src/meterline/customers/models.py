"""Sellers, parties, customers and their billing accounts (TMF632, TMF629, TMF666)."""

from __future__ import annotations

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Upper


class Seller(models.Model):
    """A company of the group that issues invoices, with what its documents show of it."""

    code = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=300)
    address = models.TextField(default="", blank=True)
    country = models.CharField(max_length=2, default="", blank=True)
    tax_id = models.CharField(max_length=50, default="", blank=True)
    email = models.CharField(max_length=320, default="", blank=True)
    phone = models.CharField(max_length=50, default="", blank=True)
    website = models.CharField(max_length=300, default="", blank=True)
    iban = models.CharField(max_length=34, default="", blank=True)
    bic = models.CharField(max_length=11, default="", blank=True)
    colour = models.CharField(max_length=7, default="#1f3a5f")
    invoice_prefix = models.CharField(max_length=20, default="INV")
    payment_terms_days = models.IntegerField(default=14)

    class Meta:
        db_table = "customers_seller"

    def __str__(self) -> str:
        return self.code


class Party(models.Model):
    """A person or an organisation, whatever it is to us (TMF632)."""

    code = models.CharField(max_length=100, unique=True)
    kind = models.CharField(
        max_length=20, choices=[("person", "person"), ("organisation", "organisation")]
    )
    name = models.CharField(max_length=300)
    email = models.CharField(max_length=320, default="", blank=True)
    phone = models.CharField(max_length=50, default="", blank=True)
    address = models.TextField(default="", blank=True)
    country = models.CharField(max_length=2, default="", blank=True)
    tax_id = models.CharField(max_length=50, default="", blank=True)
    language = models.CharField(max_length=20, default="en")

    class Meta:
        db_table = "customers_party"
        indexes = (
            models.Index(OpClass(Upper("name"), "text_pattern_ops"), name="party_by_name"),
            models.Index(OpClass(Upper("email"), "text_pattern_ops"), name="party_by_email"),
        )

    def __str__(self) -> str:
        return self.code


class Customer(models.Model):
    """A party that buys (TMF629)."""

    code = models.CharField(max_length=100, unique=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT)
    segment = models.CharField(max_length=100, default="", blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "customers_customer"
        indexes = (
            models.Index(OpClass(Upper("code"), "text_pattern_ops"), name="customer_by_code"),
            models.Index(fields=["created_at", "id"], name="customer_by_age"),
        )

    def __str__(self) -> str:
        return self.code


class Account(models.Model):
    """A billing account (TMF666): what is billed together, in one currency and one zone."""

    code = models.CharField(max_length=100, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT)
    currency = models.CharField(max_length=3)
    timezone = models.CharField(max_length=64, default="UTC")
    tax_region = models.CharField(max_length=20, null=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField()
    delivery = models.CharField(max_length=10, default="portal", db_default="portal")

    class Meta:
        db_table = "customers_account"

    def __str__(self) -> str:
        return self.code


class BillingDay(models.Model):
    """The billing day of an account from a local day on; null is the anniversary.

    Append-only. The first row of an account is since 0001-01-01; of several set on one day the
    last one counts.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    since = models.DateField()
    day = models.SmallIntegerField(null=True)

    class Meta:
        db_table = "customers_billingday"
        indexes = (models.Index(fields=["account", "since"]),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(day__isnull=True) | models.Q(day__range=(1, 31)),
                name="billing_day_is_in_a_month",
            ),
        )


class Consent(models.Model):
    """What a customer agreed to or refused. Append-only: of a purpose the newest one holds."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_index=False)
    purpose = models.CharField(max_length=40)
    given = models.BooleanField()
    at = models.DateTimeField()
    by = models.CharField(max_length=200)

    class Meta:
        db_table = "customers_consent"
        indexes = (models.Index(fields=["customer", "purpose", "id"], name="consents"),)
