"""Whose customers the users of the portal are."""

from __future__ import annotations

from django.db import models


class PortalUser(models.Model):
    """A user who sees one customer's accounts, and nothing else."""

    user = models.OneToOneField("access.User", on_delete=models.CASCADE)
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT)
    invited_at = models.DateTimeField()
    invited_by = models.CharField(max_length=200)
    welcomed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "portal_user"
