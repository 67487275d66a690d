"""Dry runs of acts that have no other: what is done inside leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def trial() -> Iterator[None]:
    """Whatever is done inside is really done, and undone at the end, so that what it comes to can
    be shown. Files are not undone: `usage.rehearsal` takes away those of usage."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
