"""Secrets that are shown once: API keys and links that sign in. Kept as digests only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from meterline.access.errors import UnknownPermission
from meterline.access.models import ApiKey, SignInLink, User
from meterline.access.permissions import PERMISSIONS
from meterline.platform import audit, clock

LINK_LIVES = timedelta(hours=12)
_SEEN_EVERY = timedelta(minutes=1)


def make_link(user: User, *, lives: timedelta = LINK_LIVES) -> str:
    """The secret of a link that signs `user` in, once."""
    secret = secrets.token_urlsafe(32)
    SignInLink.objects.create(digest=_digest(secret), user=user, expires_at=clock.now() + lives)
    audit.record("sign_in_link.made", f"user:{user.email}")
    return secret


@transaction.atomic
def use_link(secret: str, *, only: str | None = None) -> User | None:
    """Whom a link signs in; None where it was used, is too old, or is none, or where the user has
    not got the permission `only`."""
    link = (
        SignInLink.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(digest=_digest(secret), used_at=None, expires_at__gt=clock.now())
        .first()
    )
    if link is None or not link.user.is_active:
        return None
    if only is not None and only not in link.user.granted():
        return None
    link.used_at = clock.now()
    link.save(update_fields=["used_at"])
    audit.record("sign_in_link.used", f"user:{link.user.email}")
    return link.user


@transaction.atomic
def make_key(
    name: str,
    permissions: Iterable[str],
    *,
    rate: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new API key and its secret, which is not kept. `rate`: the events a second that it may
    send, None for any number. Raises UnknownPermission."""
    chosen = sorted(set(permissions))
    for permission in chosen:
        if permission not in PERMISSIONS:
            raise UnknownPermission(permission=permission)
    prefix = f"ml_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        name=name, prefix=prefix, digest=_digest(secret), permissions=chosen,
        rate=rate, created_by=audit.actor(), created_at=clock.now(), expires_at=expires_at,
    )  # fmt: skip
    granted = {"name": name, "permissions": chosen, "rate": rate}
    audit.record("api_key.made", f"api_key:{prefix}", after=granted)
    return key, secret


@transaction.atomic
def revoke_key(prefix: str) -> None:
    """No more use of a key, from now on."""
    changed = ApiKey.objects.filter(prefix=prefix, revoked_at=None).update(revoked_at=clock.now())
    if changed:
        audit.record("api_key.revoked", f"api_key:{prefix}")


def key_of(secret: str) -> ApiKey | None:
    """The key of a secret, where it is in force. Its last use is noted, to the minute."""
    now = clock.now()
    key = ApiKey.objects.filter(digest=_digest(secret), revoked_at=None).first()
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    if key.last_used_at is None or now - key.last_used_at > _SEEN_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
