"""The state of a scenario while it is played: the clock, the names, what waits to be loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from meterline.platform import clock
from meterline.scenario.files import Scenario
from meterline.scenario.picture import MadeInvoice
from meterline.scenario.steps import Path, Step, Subscribe, walk
from meterline.scenario.values import Moment, instant


@dataclass(kw_only=True)
class World:
    """What later steps need to know of earlier ones."""

    scenario: Scenario
    accounts: dict[str, int] = field(default_factory=dict)
    """Database ids by the scenario's names; the names are the accounts' codes too."""
    subscriptions: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """Account of each subscription that has a name."""
    invoices: dict[str, MadeInvoice] = field(default_factory=dict)
    usage: list[dict[str, str]] = field(default_factory=list)
    """Usage steps that wait to be loaded together."""
    place: Path = ()
    doing: str = "set up"
    differences: list[str] = field(default_factory=list)
    now: datetime | None = None

    def zone(self, account: str | None) -> ZoneInfo:
        """The zone of an account, else the catalogue's."""
        spec = self.scenario.document.accounts.get(account) if account else None
        own = spec.timezone if spec else None
        return ZoneInfo(own) if own else self.scenario.catalog.timezone

    def zone_of(self, step: Step) -> ZoneInfo:
        """The zone in which bare dates of a step are midnights."""
        account = getattr(step, "account", None)
        name = getattr(step, "subscription", None)
        if account is None and name is not None:
            account = self._owner(name)
        identifier = getattr(step, "identifier", None)
        if identifier is not None:
            account = self._holder(identifier)
        return self.zone(account) if account else self.shared_zone()

    def subscription(self, name: str) -> int | str:
        """The id of a subscription that has a name; the code of an add-on that a bundle brought."""
        return self.subscriptions.get(name, name)

    def _owner(self, name: str) -> str | None:
        """The account of a subscription, or of the base after which an add-on is named."""
        bases = (one for one in self.owners if name == one or name.startswith(f"{one}-"))
        base = max(bases, key=len, default=None)
        return None if base is None else self.owners[base]

    def shared_zone(self) -> ZoneInfo:
        """The zone that all accounts share, else the catalogue's."""
        zones = {self.zone(code) for code in self.scenario.document.accounts}
        return zones.pop() if len(zones) == 1 else self.zone(None)

    def _holder(self, identifier: str) -> str | None:
        for _, step in walk(self.scenario.document.steps):
            if isinstance(step, Subscribe) and identifier in step.identifiers.values():
                return step.account
        return None

    def instant(self, moment: Moment | None, zone: ZoneInfo) -> datetime:
        """The instant of a moment; without one, the clock's."""
        return clock.now() if moment is None else instant(moment, zone)

    def move(self, to: datetime) -> None:
        """Move the clock forward to `to`; it never goes back."""
        if self.now is None or to > self.now:
            self.now = to
            clock.move_to(to)

    def differs(self, text: str) -> None:
        """Note that what was made is not what the step at hand expects."""
        self.differences.append(f"{self.where()}: {text}")

    def where(self) -> str:
        """The step at hand, for people: its word, and its line in the file."""
        return f"line {self.scenario.line(self.place)} ({self.doing})"
