"""Users and roles: the only writer of their tables."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from meterline.access.errors import (
    LastAdministrator,
    RoleBuiltIn,
    RoleInUse,
    RoleTaken,
    UnknownPermission,
    UnknownRole,
    UnknownUser,
    UserExists,
    WeakPassword,
)
from meterline.access.models import Role, User
from meterline.access.permissions import PERMISSIONS, ROLES
from meterline.platform import audit, clock

ADMIN = "admin"


@transaction.atomic
def bring_roles() -> None:
    """Make the roles of this version, or bring them up to date. Own roles stay as they are."""
    for code, (name, permissions) in ROLES.items():
        Role.objects.update_or_create(
            code=code, defaults={"name": name, "permissions": [*permissions], "built_in": True}
        )


def user_by_email(email: str) -> User:
    """The user of an e-mail address. Raises UnknownUser."""
    found = User.objects.filter(email__iexact=email).first()
    if found is None:
        raise UnknownUser(email=email)
    return found


def roles_by_code(codes: Iterable[str]) -> list[Role]:
    """Roles by their codes. Raises UnknownRole."""
    known = {role.code: role for role in Role.objects.all()}
    for code in codes:
        if code not in known:
            raise UnknownRole(role=code, roles=", ".join(sorted(known)))
    return [known[code] for code in dict.fromkeys(codes)]


@transaction.atomic
def add_user(
    email: str, *, name: str = "", roles: Iterable[str] = (), password: str | None = None
) -> User:
    """A new user; without a password, one who signs in by a link or another service.

    Raises UserExists, UnknownRole, WeakPassword.
    """
    email = email.strip().lower()
    if User.objects.filter(email__iexact=email).exists():
        raise UserExists(email=email)
    chosen = roles_by_code(roles)
    user = User(email=email, name=name, created_at=clock.now())
    _give_password(user, password)
    user.save()
    user.roles.set(chosen)
    user.emailaddress_set.create(email=email, verified=True, primary=True)
    facts = {"name": name, "roles": [role.code for role in chosen]}
    audit.record("user.added", f"user:{email}", after=facts)
    return user


@transaction.atomic
def set_roles(email: str, codes: Iterable[str]) -> User:
    """Give a user exactly these roles. Raises UnknownUser, UnknownRole, LastAdministrator."""
    user = user_by_email(email)
    chosen = roles_by_code(codes)
    before = sorted(user.roles.values_list("code", flat=True))
    after = sorted(role.code for role in chosen)
    if ADMIN in before and ADMIN not in after:
        _another_administrator(user)
    user.roles.set(chosen)
    audit.record(
        "user.roles_set", f"user:{user.email}", before={"roles": before}, after={"roles": after}
    )
    return user


@transaction.atomic
def set_active(email: str, active: bool) -> User:
    """Let a user sign in, or no more. Raises UnknownUser, LastAdministrator."""
    user = user_by_email(email)
    if not active and user.roles.filter(code=ADMIN).exists():
        _another_administrator(user)
    audit.record(
        "user.active_set", f"user:{user.email}",
        before={"active": user.is_active}, after={"active": active},
    )  # fmt: skip
    user.is_active = active
    user.save(update_fields=["is_active"])
    return user


@transaction.atomic
def save_role(
    code: str, *, name: str, permissions: Iterable[str], description: str = "", new: bool = False
) -> Role:
    """Make a role of one's own, or change it. Raises RoleTaken, RoleBuiltIn, UnknownPermission."""
    chosen = sorted(set(permissions))
    for permission in chosen:
        if permission not in PERMISSIONS:
            raise UnknownPermission(permission=permission)
    role = Role.objects.select_for_update().filter(code=code).first()
    if role is not None and new:
        raise RoleTaken(role=code)
    if role is not None and role.built_in:
        raise RoleBuiltIn(role=code)
    before = {"name": role.name, "permissions": role.permissions} if role else None
    role = role or Role(code=code)
    role.name, role.permissions, role.description = name, chosen, description
    role.save()
    after = {"name": name, "permissions": chosen}
    audit.record("role.saved", f"role:{code}", before=before, after=after)
    return role


@transaction.atomic
def remove_role(code: str) -> None:
    """Remove a role that nobody holds. Raises UnknownRole, RoleBuiltIn, RoleInUse."""
    (role,) = roles_by_code([code])
    if role.built_in:
        raise RoleBuiltIn(role=code)
    holders = role.users.count()
    if holders:
        raise RoleInUse(role=code, users=holders)
    role.delete()
    audit.record("role.removed", f"role:{code}", before={"permissions": role.permissions})


def _give_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(why=" ".join(error.messages)) from None
    user.set_password(password)


def _another_administrator(user: User) -> None:
    others = User.objects.filter(roles__code=ADMIN, is_active=True).exclude(pk=user.pk)
    if not others.exists():
        raise LastAdministrator(email=user.email)
