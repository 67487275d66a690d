"""Meters, their registers and where they are installed; reads; what was made of them."""

from __future__ import annotations

from django.db import models

from meterline.usage.models import Batch


class Meter(models.Model):
    """A device (TMF639 PhysicalResource), known by its serial number."""

    serial = models.CharField(max_length=100, unique=True)
    timezone = models.CharField(max_length=64)  # of reads that tell no offset

    class Meta:
        db_table = "reads_meter"

    def __str__(self) -> str:
        return self.serial


class Register(models.Model):
    """A counter of a meter.

    `usage_meter` is the meter of the catalogue that its consumption is usage of; empty: it is only
    read, or part of virtual ones. `zone` is the gas zone whose factors make energy of volume.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT)
    code = models.CharField(max_length=50)  # such as the OBIS code 1.8.0
    dials = models.IntegerField()
    decimals = models.IntegerField(default=0)
    multiplier = models.DecimalField(max_digits=18, decimal_places=6, default=1)
    unit = models.CharField(max_length=20, default="kWh")
    direction = models.CharField(max_length=10, default="import")  # or export
    band = models.CharField(max_length=100, default="")  # the time band that it counts in
    usage_meter = models.CharField(max_length=100, default="")
    zone = models.CharField(max_length=100, default="")
    profile = models.CharField(max_length=100, default="")
    annual = models.DecimalField(max_digits=24, decimal_places=6, null=True)  # expected of a year

    class Meta:
        db_table = "reads_register"
        constraints = (
            models.UniqueConstraint(fields=["meter", "code"], name="one_register_of_a_code"),
            models.CheckConstraint(
                condition=models.Q(dials__gte=1, decimals__gte=0, dials__lte=12, decimals__lte=6),
                name="register_has_digits",
            ),
        )

    def __str__(self) -> str:
        return self.code


class Installation(models.Model):
    """A meter at a place of supply (its identifier) for a time. A meter is at one place at a time:
    the database excludes more."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT)
    identifier = models.CharField(max_length=300, db_index=True)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reads_installation"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(end_at__isnull=True) | models.Q(end_at__gt=models.F("start_at")),
                name="installation_ends_after_its_start",
            ),
        )


class Read(models.Model):
    """What a register showed at an instant, as somebody said. Values never change: a read is
    replaced by another one."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT)
    at = models.DateTimeField()
    value = models.DecimalField(max_digits=24, decimal_places=6)
    quality = models.CharField(max_length=20)  # frames.QUALITIES
    source = models.CharField(max_length=200)
    state = models.CharField(max_length=20)  # accepted, held, replaced, dismissed, backed_out
    reason = models.CharField(max_length=20, default="")  # validate.REASONS: why it was held
    detail = models.TextField(default="")
    reviewed = models.BooleanField(default=False)
    replaced_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT)
    line = models.BigIntegerField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "reads_read"
        indexes = (
            models.Index(fields=["register", "at"], name="reads_by_register"),
            models.Index(fields=["state", "id"], name="reads_by_state"),
        )


class Cut(models.Model):
    """An instant at which an estimate was asked for: it counts until something is read."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT)
    at = models.DateTimeField()
    asked_at = models.DateTimeField()

    class Meta:
        db_table = "reads_cut"
        constraints = (models.UniqueConstraint(fields=["register", "at"], name="one_cut_at_once"),)


class Factor(models.Model):
    """What energy a zone's gas has from a day on, and how much its volume is corrected for pressure
    and temperature."""

    zone = models.CharField(max_length=100)
    since_at = models.DateTimeField()
    calorific_value = models.DecimalField(max_digits=18, decimal_places=4)  # MJ a cubic metre
    correction_factor = models.DecimalField(max_digits=18, decimal_places=6)
    decimals = models.IntegerField(default=0)  # of the energy of a piece, in kWh

    class Meta:
        db_table = "reads_factor"
        constraints = (
            models.UniqueConstraint(fields=["zone", "since_at"], name="one_factor_at_once"),
            models.CheckConstraint(
                condition=models.Q(calorific_value__gt=0, correction_factor__gt=0),
                name="gas_has_energy",
            ),
        )


class Profile(models.Model):
    """How the consumption of a year is spread over its months: a weight each."""

    code = models.CharField(max_length=100)
    month = models.SmallIntegerField()
    weight = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        db_table = "reads_profile"
        constraints = (
            models.UniqueConstraint(fields=["code", "month"], name="one_weight_a_month"),
            models.CheckConstraint(
                condition=models.Q(month__range=(1, 12), weight__gt=0), name="profile_has_months"
            ),
        )


class Rule(models.Model):
    """How reads of a meter of the catalogue are checked, estimated and split; those of the code ""
    hold for all others."""

    usage_meter = models.CharField(max_length=100, unique=True)
    spike_percent = models.IntegerField(default=300)
    spike_least = models.DecimalField(max_digits=18, decimal_places=6, default=50)
    stuck_reads = models.IntegerField(default=3)
    zero_days = models.IntegerField(default=20)
    estimate_by = models.CharField(max_length=20, default="average")  # or last_year
    split = models.CharField(max_length=10, default="month")  # day, none

    class Meta:
        db_table = "reads_rule"


class Virtual(models.Model):
    """A register that is worked out of others: their sum, each with its sign.

    What is below zero in an interval is usage of `surplus_meter`, if there is one (net metering).
    """

    code = models.CharField(max_length=100, unique=True)
    identifier = models.CharField(max_length=300, db_index=True)
    usage_meter = models.CharField(max_length=100)
    surplus_meter = models.CharField(max_length=100, default="")

    class Meta:
        db_table = "reads_virtual"


class Term(models.Model):
    """A part of a virtual register: the registers of a code at a place, whatever the device."""

    virtual = models.ForeignKey(Virtual, on_delete=models.CASCADE)
    identifier = models.CharField(max_length=300, db_index=True)
    code = models.CharField(max_length=50)
    sign = models.SmallIntegerField()

    class Meta:
        db_table = "reads_term"
        constraints = (
            models.UniqueConstraint(
                fields=["virtual", "identifier", "code"], name="one_term_of_a_register"
            ),
            models.CheckConstraint(condition=models.Q(sign__in=(1, -1)), name="term_has_a_sign"),
        )


class Stale(models.Model):
    """A note that a contract at a place of supply has changed, until usage has followed."""

    identifier = models.CharField(max_length=300)

    class Meta:
        db_table = "reads_stale"


class Piece(models.Model):
    """Consumption between two points of a register as it was handed to usage; its record's id is
    made of this one's. Never changed: what no longer holds is gone, and another piece follows."""

    register = models.ForeignKey(Register, null=True, on_delete=models.PROTECT)
    virtual = models.ForeignKey(Virtual, null=True, on_delete=models.PROTECT)
    identifier = models.CharField(max_length=300)
    code = models.CharField(max_length=100)
    usage_meter = models.CharField(max_length=100)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    from_units = models.BigIntegerField(null=True)
    to_units = models.BigIntegerField(null=True)
    from_quality = models.CharField(max_length=20)
    to_quality = models.CharField(max_length=20)
    quality = models.CharField(max_length=20)
    quantity = models.DecimalField(max_digits=38, decimal_places=10)
    serial = models.CharField(max_length=100, null=True)
    band = models.CharField(max_length=100, null=True)
    calorific_value = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    correction_factor = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    made_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reads_piece"
        indexes = (
            models.Index(
                fields=["identifier", "start_at"], name="pieces_that_stand",
                condition=models.Q(gone_at__isnull=True),
            ),
        )  # fmt: skip
