"""Users, roles, approvals, sign-in links and API keys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext


class Role(models.Model):
    """A named set of permissions. Those that come with the product follow its version."""

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    description = models.TextField(default="", blank=True)
    permissions = ArrayField(models.CharField(max_length=60), default=list)
    built_in = models.BooleanField(default=False)

    class Meta:
        db_table = "access_role"

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What a page calls it: roles of the product are translated."""
        return gettext(self.name) if self.built_in else self.name


class UserManager(BaseUserManager["User"]):
    """Finds users by their e-mail address, in whatever case it is written."""

    def get_by_natural_key(self, username: str | None) -> User:
        found: User = self.get(email__iexact=username)
        return found


class User(AbstractBaseUser):
    """Somebody who signs in, with an e-mail address and a password, a passkey or another service.

    Staff work in the console; customers use the portal: what a user may do, the roles say.
    """

    email = models.EmailField(max_length=320, unique=True)
    name = models.CharField(max_length=200, default="", blank=True)
    language = models.CharField(max_length=10, default="", blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    roles = models.ManyToManyField(Role, related_name="users", db_table="access_user_role")

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_staff = False  # there is no Django admin

    class Meta:
        db_table = "access_user"

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        from meterline.platform import clock

        if self.created_at is None:  # also for those that a sign-in service brings
            self.created_at = clock.now()
        super().save(*args, **kwargs)

    def granted(self) -> frozenset[str]:
        """The permissions of all roles, read once a request."""
        if not hasattr(self, "_granted"):
            sets = self.roles.values_list("permissions", flat=True) if self.is_active else ()
            self._granted = frozenset(code for codes in sets for code in codes)
        return self._granted


class Approval(models.Model):
    """A dangerous act that one person asked for and another one has to approve."""

    kind = models.CharField(max_length=60)  # e.g. bill_run, credit
    subject = models.CharField(max_length=200)  # e.g. bill_run:12
    summary = models.TextField()
    permission = models.CharField(max_length=60)  # who may decide
    digest = models.CharField(max_length=64)  # of what was asked for
    payload = models.JSONField(default=dict)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=20, default="awaiting")  # approved, refused, done
    decided_by = models.CharField(max_length=200, default="", blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(default="", blank=True)

    class Meta:
        db_table = "access_approval"
        indexes = (models.Index(fields=["state", "kind"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(state__in=("awaiting", "approved")),
                name="one_open_approval_a_subject",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=("approved", "done"))
                | ~models.Q(decided_by=models.F("asked_by")),
                name="approved_by_a_second_person",
            ),
        )


class CreditLimit(models.Model):
    """What one person may give away alone in a currency; without a row it is `limits.USUAL`."""

    currency = models.CharField(max_length=3, primary_key=True)
    amount = models.DecimalField(max_digits=28, decimal_places=10)

    class Meta:
        db_table = "access_creditlimit"
        constraints = (
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="limit_is_no_debt"),
        )


class Given(models.Model):
    """What somebody gave away alone, and to whom (`account:A1`): as credit, or by a credit note,
    before tax. What a second person has approved is not among it."""

    actor = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    at = models.DateTimeField()

    class Meta:
        db_table = "access_given"
        indexes = (models.Index(fields=["subject", "actor", "at"], name="given_to_whom"),)


class SignInLink(models.Model):
    """A link that signs in once. Only the digest of its secret is kept."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_signinlink"


class ApiKey(models.Model):
    """A key of a program. Only the digest of its secret is kept; `prefix` tells keys apart."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    permissions = ArrayField(models.CharField(max_length=60), default=list)
    rate = models.PositiveIntegerField(null=True)  # events a second at most; null: any number
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_apikey"
