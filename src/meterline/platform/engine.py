"""Where shard functions run: on this machine, or on a Ray cluster (`meterline[cluster]`).

A shard function is a function of a module; its arguments and its result can be pickled, and it may
be run twice without harm: what ran on a node that died is run again on another one. Each node has
the product installed, reaches the same database and has the same data folder.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from meterline.kernel.errors import MeterlineError
from meterline.platform.embedded import database_url, home

VARIABLE = "METERLINE_ENGINE"
LOCAL = "local"
TRIES = 10  # of a shard whose nodes die
_KEPT = ("METERLINE_CLOCK", "METERLINE_SECRET_KEY")


class NoCluster(MeterlineError):
    """there is no Ray here: install meterline[cluster], or take `--engine local`"""

    code = "no_cluster"


class UnknownEngine(MeterlineError):
    """{engine} is no engine: `local`, `ray` (the cluster that this machine belongs to) or an
    address such as ray://head:10001"""

    code = "unknown_engine"


class Pending(Protocol):
    """The result of a shard, once it is there."""

    def result(self) -> Any:
        """Wait for it. Raises what the function raised."""


class Executor(Protocol):
    """Runs functions somewhere else; `concurrent.futures.Executor` is one."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Pending:
        """Begin to run `work`."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing more will be submitted."""


def choose(engine: str) -> None:
    """Run shards there from now on. Raises UnknownEngine."""
    if engine not in (LOCAL, "ray") and not engine.startswith("ray://"):
        raise UnknownEngine(engine=engine)
    os.environ[VARIABLE] = engine


def is_far() -> bool:
    """Do shards run on a cluster?"""
    return os.environ.get(VARIABLE, LOCAL) != LOCAL


def cluster() -> Cluster | None:
    """The chosen cluster; None where shards run on this machine. Raises NoCluster."""
    return Cluster(os.environ[VARIABLE]) if is_far() else None


def threads(count: int) -> tuple[Executor, int]:
    """What runs shards beside this thread, and how many at once: the cluster or `count` threads."""
    far = cluster()
    return (far, far.size) if far else (ThreadPoolExecutor(count), count)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Stands for a value that lies in the cluster's store."""

    key: str
    reference: Any


class Cluster:
    """A Ray cluster as an executor."""

    def __init__(self, engine: str) -> None:
        try:
            import ray
        except ImportError:
            raise NoCluster from None
        self._ray = ray
        if not ray.is_initialized():
            ray.init(
                address="auto" if engine == "ray" else engine, namespace="meterline",
                log_to_driver=False, runtime_env={"env_vars": _environment()},
            )  # fmt: skip
        self._run = ray.remote(max_retries=TRIES, num_cpus=1)(run_shard)

    @property
    def size(self) -> int:
        """How many shards it runs at once."""
        return max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def share(self, value: Any) -> Shared:
        """What stands for a value that many shards take: it is sent to each node once."""
        return Shared(key=uuid4().hex, reference=self._ray.put(pickle.dumps(value)))

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Pending:
        """Begin to run a shard on some node."""
        sent = [one if isinstance(one, Shared) else pickle.dumps(one) for one in (work, *arguments)]
        return _Reference(self._ray, self._run.remote(*sent))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to do: the connection stays, for the next batch or run."""


class _Reference:
    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference = ray, reference

    def result(self) -> Any:
        try:
            return self._ray.get(self._reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None


def run_shard(*sent: Shared | bytes) -> Any:
    """On a node: the work, and what it is called with, once Django is there to read them."""
    from django.apps import apps

    if not apps.ready:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
        django.setup()
    work, *arguments = (_received(one) for one in sent)
    return work(*arguments)


_shared: dict[str, Any] = {}  # the last one that this process was sent


def _received(one: Shared | bytes) -> Any:
    if not isinstance(one, Shared):
        return pickle.loads(one)
    if one.key not in _shared:
        import ray

        _shared.clear()
        _shared[one.key] = pickle.loads(ray.get(one.reference))
    return _shared[one.key]


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept, "METERLINE_HOME": str(home().resolve()), "METERLINE_DATABASE_URL": database_url(),
        "POLARS_MAX_THREADS": "1", VARIABLE: LOCAL,
    }  # fmt: skip
