"""What can be wrong with a call of the API. A docstring is its error's message."""

from __future__ import annotations

from typing import Any, ClassVar

from meterline.kernel.errors import MeterlineError


class CallError(MeterlineError):
    """the call cannot be answered"""

    code = "call"
    status: ClassVar[int] = 400

    def headers(self) -> dict[str, str]:
        """Headers that go with the answer."""
        return {}

    def more(self) -> dict[str, Any]:
        """Members of the problem besides type, title, status, code and detail."""
        return {}


class NoSuchEndpoint(CallError):
    """there is no {path}; docs/reference/api.md lists what there is"""

    code = "no_such_endpoint"
    status = 404


class WrongMethod(CallError):
    """{path} takes {methods}, not {method}"""

    code = "wrong_method"
    status = 405

    def headers(self) -> dict[str, str]:
        """The methods that are allowed."""
        return {"allow": self.details["methods"]}


class KeyMissing(CallError):
    """an API key is needed: send `Authorization: Bearer ml_...`; keys are made under Settings, API
    keys, or by `meterline key make`"""

    code = "key_missing"
    status = 401

    def headers(self) -> dict[str, str]:
        """How to authorise."""
        return {"www-authenticate": "Bearer"}


class KeyRefused(KeyMissing):
    """the API key is none, is revoked or has expired"""

    code = "key_refused"


class NotPermitted(CallError):
    """API key {prefix} may not do this: it lacks {permission}"""

    code = "not_permitted"
    status = 403


class BodyTooLarge(CallError):
    """the body is larger than {most} bytes: send it in parts"""

    code = "body_too_large"
    status = 413


class UnknownEncoding(CallError):
    """a body that is encoded as {encoding} cannot be read: send it as it is, or as gzip"""

    code = "unknown_encoding"
    status = 415


class BodyDamaged(CallError):
    """the body is no gzip, or is cut off"""

    code = "body_damaged"


class SlowDown(CallError):
    """{why}: send it again in {seconds} seconds; nothing was taken"""

    code = "slow_down"
    status = 429

    def headers(self) -> dict[str, str]:
        """When to come again."""
        return {"retry-after": str(self.details["seconds"])}


class DatabaseGone(CallError):
    """the database cannot be reached: send it again; nothing was taken"""

    code = "database_gone"
    status = 503

    def headers(self) -> dict[str, str]:
        """When to come again."""
        return {"retry-after": "5"}
