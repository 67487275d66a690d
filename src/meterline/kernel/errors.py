"""Business errors: one base class, a stable code, a message that says what to do next."""

from __future__ import annotations

from typing import Any, ClassVar


class MeterlineError(Exception):
    """Something that the user can mend went wrong.

    A subclass sets `code` (stable, snake_case) and writes its message as its docstring, with
    `{name}` for each keyword that it is raised with. Surfaces render it alike: problem+json in
    the API, a message on a page, one line and exit code 2 on the command line.
    """

    code: ClassVar[str] = "meterline_error"
    exit_code: ClassVar[int] = 2

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__(self.message)

    @classmethod
    def template(cls) -> str:
        """The message with its `{name}`s: what is translated."""
        return " ".join((cls.__doc__ or "").split())

    @property
    def message(self) -> str:
        return self.template().format(**self.details)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.details))


def _rebuild(kind: type[MeterlineError], details: dict[str, Any]) -> MeterlineError:
    return kind(**details)


class NotSupported(MeterlineError):
    """not supported yet: {what}"""

    code = "not_supported"
