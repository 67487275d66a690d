"""What can be wrong with users, roles and approvals."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownUser(MeterlineError):
    """there is no user {email}: `meterline user list` shows all of them"""

    code = "unknown_user"


class UserExists(MeterlineError):
    """there is a user {email} already"""

    code = "user_exists"


class UnknownRole(MeterlineError):
    """there is no role {role}: there are {roles}"""

    code = "unknown_role"


class RoleTaken(MeterlineError):
    """there is a role {role} already; choose another code"""

    code = "role_taken"


class RoleBuiltIn(MeterlineError):
    """role {role} comes with the product and stays as it is; make a role of your own instead"""

    code = "role_built_in"


class RoleInUse(MeterlineError):
    """role {role} is held by {users} users; take it from them first"""

    code = "role_in_use"


class UnknownPermission(MeterlineError):
    """there is no permission {permission}"""

    code = "unknown_permission"


class LastAdministrator(MeterlineError):
    """{email} is the last administrator; make another user one first"""

    code = "last_administrator"


class WeakPassword(MeterlineError):
    """the password cannot be used: {why}"""

    code = "weak_password"


class SecondPersonNeeded(MeterlineError):
    """{actor} asked for this; somebody else has to approve it"""

    code = "second_person_needed"


class NotAwaiting(MeterlineError):
    """approval {approval} is {state} already"""

    code = "not_awaiting_approval"


class ApprovalMoved(MeterlineError):
    """what was to be approved has changed since; look at it again and ask anew"""

    code = "approval_moved"


class ApprovalNeeded(MeterlineError):
    """{kind} of {subject} needs the approval of a second person; it was asked for"""

    code = "approval_needed"
