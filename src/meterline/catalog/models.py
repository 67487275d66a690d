"""Versions of plans with their prices, and of everything else in the catalogue."""

from __future__ import annotations

from django.db import models


class PlanVersion(models.Model):
    """One version of a plan (TMF620 ProductOffering); published, so immutable.

    A version with a base is that of single subscriptions: the base with some prices overridden.
    """

    plan_code = models.CharField(max_length=100)
    name = models.CharField(max_length=300)
    version = models.IntegerField()
    effective = models.DateField()
    existing = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    timezone = models.CharField(max_length=64)
    body = models.JSONField()
    digest = models.CharField(max_length=64)
    base = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    overrides = models.JSONField(null=True)

    class Meta:
        db_table = "catalog_planversion"
        constraints = (
            models.UniqueConstraint(
                fields=["plan_code", "version"],
                condition=models.Q(base=None),
                name="one_plan_version_a_number",
            ),
            models.UniqueConstraint(
                fields=["base", "digest"],
                condition=models.Q(base__isnull=False),
                name="one_derived_version_a_digest",
            ),
        )

    def __str__(self) -> str:
        return f"{self.plan_code} v{self.version}"


class PriceRow(models.Model):
    """One price of a plan version (TMF620 ProductOfferingPrice)."""

    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="prices")
    code = models.CharField(max_length=100)
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=20)
    model = models.CharField(max_length=50)
    interval = models.CharField(max_length=30)
    timing = models.CharField(max_length=10)
    prorate = models.BooleanField()
    due = models.CharField(max_length=20, null=True)
    tax_code = models.CharField(max_length=100, null=True)
    meter_code = models.CharField(max_length=100, null=True)
    body = models.JSONField()

    class Meta:
        db_table = "catalog_price"
        constraints = (
            models.UniqueConstraint(fields=["plan_version", "code"], name="one_price_a_code"),
        )


class Entry(models.Model):
    """One version of a meter, calendar, rate card, tax or discount; immutable."""

    kind = models.CharField(max_length=20)
    code = models.CharField(max_length=100)
    version = models.IntegerField()
    effective = models.DateField()
    body = models.JSONField()
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "catalog_entry"
        constraints = (
            models.UniqueConstraint(fields=["kind", "code", "version"], name="one_entry_a_version"),
        )


class Draft(models.Model):
    """A catalogue file on its way to publication: what is to be published never changes, where it
    stands does, until it is published or withdrawn. What is edited is another draft, which replaces
    it."""

    name = models.CharField(max_length=300)  # of the catalogue's file among the draft's files
    digest = models.CharField(max_length=64)  # of all its files
    author = models.CharField(max_length=200)
    note = models.TextField()
    created_at = models.DateTimeField()
    state = models.CharField(max_length=20, default="draft")  # approved, published, withdrawn
    basis = models.JSONField()  # [kind, code, number of the new version]: what it was reviewed on
    effective = models.DateField(null=True)
    approved_by = models.CharField(max_length=200, null=True)
    approved_at = models.DateTimeField(null=True)
    replaces = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="replaced_by"
    )

    class Meta:
        db_table = "catalog_draft"

    def __str__(self) -> str:
        return f"draft {self.pk} ({self.name})"


class DraftFile(models.Model):
    """One file of a draft: its catalogue, a deck, a scenario or what that needs."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)  # relative, as the files name each other
    scenario = models.BooleanField()  # whether its scenarios are played on review
    content = models.BinaryField()

    class Meta:
        db_table = "catalog_draftfile"
        constraints = (models.UniqueConstraint(fields=["draft", "path"], name="one_file_a_path"),)


class Trial(models.Model):
    """The scenarios of a draft, played once; the last one counts."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="trials")
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    passed = models.BooleanField()
    outcomes = models.JSONField()  # file, scenario, passed, differences

    class Meta:
        db_table = "catalog_trial"


class ReviewRule(models.Model):
    """What the installation demands before a catalogue is published; no row: nothing."""

    required = models.BooleanField(default=False)  # files are not applied without a draft
    four_eyes = models.BooleanField(default=True)  # who approves is not the author

    class Meta:
        db_table = "catalog_reviewrule"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_rule_of_review"),)
