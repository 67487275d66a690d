"""Contracts over time: the log of changes, and the phases that follow from it (TMF637)."""

from __future__ import annotations

from django.contrib.postgres.indexes import OpClass
from django.db import models


class Subscription(models.Model):
    """A product that a customer has (TMF637 Product), on one billing account.

    An add-on has a base, and follows it. `renews_at` is the next instant at which a term follows
    by itself; one that has passed is still to be told of. `ends_at` is the end of its last phase.
    """

    code = models.CharField(max_length=100, unique=True)
    account = models.ForeignKey("customers.Account", on_delete=models.PROTECT)
    started_at = models.DateTimeField()
    state = models.CharField(max_length=20)
    base = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="addons")
    renews_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subscriptions_subscription"
        indexes = (
            models.Index(
                fields=["renews_at"], name="subscription_renewals",
                condition=models.Q(renews_at__isnull=False),
            ),
            models.Index(fields=["started_at", "id"], name="subscriptions_by_start"),
            models.Index(
                fields=["id"], name="subscriptions_with_an_end",
                condition=models.Q(ends_at__isnull=False),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.code


class Change(models.Model):
    """One entry of the log of changes. Append-only; ids increase in the order of commits."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    payload = models.JSONField()

    class Meta:
        db_table = "subscriptions_change"
        indexes = (models.Index(fields=["subscription", "id"]),)


class Phase(models.Model):
    """A stretch of a subscription in which nothing changes; made anew from the log each time.

    `charge_start` is the first day of the subscription with recurring charges (before that was
    reached, the day on which it would be, were there no later phases), `trial_end` the first day
    after the trial of the phase's plan, `anchor` the day at which cycles were reset,
    `day_start` the local time at which the days of cycles begin where seconds are counted (null:
    midnight). The last phase of a contract that breaks off a term has `early_until`, the day on
    which the term would have ended, and the plan version whose early fee is due.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT)
    account = models.ForeignKey("customers.Account", on_delete=models.PROTECT)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True)
    plan_version_id = models.BigIntegerField()
    quantity = models.DecimalField(max_digits=38, decimal_places=10)
    state = models.CharField(max_length=10)
    trial_end = models.DateField(null=True)
    charge_start = models.DateField()
    anchor = models.DateField(null=True)
    day_start = models.TimeField(null=True)
    early_until = models.DateField(null=True)
    early_version_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "subscriptions_phase"
        indexes = (
            models.Index(fields=["plan_version_id"]),
            models.Index(
                fields=["subscription"], condition=models.Q(state="paused"), name="phases_paused"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["subscription", "start_at"],
                name="one_phase_starts_at_an_instant",
            ),
            models.CheckConstraint(
                condition=models.Q(end_at__isnull=True) | models.Q(end_at__gt=models.F("start_at")),
                name="phase_ends_after_its_start",
            ),
        )


class Identifier(models.Model):
    """A telephone number, meter number, key or the like by which usage finds a subscription.

    No value is held twice at an instant: the database excludes it.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT)
    kind = models.CharField(max_length=50)
    value = models.CharField(max_length=300)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subscriptions_identifier"
        indexes = (
            models.Index(OpClass("value", "varchar_pattern_ops"), name="identifier_by_value"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(end_at__isnull=True)
                | models.Q(end_at__gte=models.F("start_at")),
                name="identifier_ends_after_its_start",
            ),
        )

    def __str__(self) -> str:
        return self.value


class Discount(models.Model):
    """A discount that a subscription, or an account for all of its own, was given.

    It holds for charge periods that begin within `[since_at, until_at)`.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True)
    account = models.ForeignKey("customers.Account", on_delete=models.PROTECT, null=True)
    position = models.IntegerField()
    discount_code = models.CharField(max_length=100)
    since_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subscriptions_discount"
        constraints = (
            models.UniqueConstraint(
                fields=["subscription", "position"], name="one_discount_a_position"
            ),
            models.UniqueConstraint(
                fields=["account", "position"], name="one_account_discount_a_position"
            ),
            models.CheckConstraint(
                condition=models.Q(subscription__isnull=True) ^ models.Q(account__isnull=True),
                name="discount_of_a_subscription_or_account",
            ),
        )


class PromotionUse(models.Model):
    """How often a promotion code was redeemed in all; locked while it is redeemed."""

    promotion_code = models.CharField(max_length=100, primary_key=True)
    used = models.IntegerField(default=0)

    class Meta:
        db_table = "subscriptions_promotionuse"


class Redemption(models.Model):
    """A promotion code that a customer has redeemed for a subscription."""

    promotion_code = models.CharField(max_length=100)
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT)
    discount = models.OneToOneField(Discount, on_delete=models.PROTECT)
    at = models.DateTimeField()

    class Meta:
        db_table = "subscriptions_redemption"
        indexes = (models.Index(fields=["promotion_code", "customer"]),)
