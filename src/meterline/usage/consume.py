"""`meterline usage consume`: messages of a stream become receipts, and are acknowledged after that.

Messages that come while others are being written are written together, so that many share a commit.
A database that is gone and a backlog that is full are waited for: what is not acknowledged stays
with the stream.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import InterfaceError, OperationalError, connection, transaction

from meterline.platform import audit
from meterline.usage import receipts
from meterline.usage.backlog import BACKLOG
from meterline.usage.bodies import Lines, NoJson, lines_of, on_one_line, shape_of
from meterline.usage.formats import cloudevents
from meterline.usage.streams import Address, address_of, broker_of, kind_of

_AGAIN_SECONDS = 1.0
_EVENTS_MOST = 20_000  # of a receipt
_log = logging.getLogger(__name__)

Waiting = tuple[Sequence[bytes], "asyncio.Future[None]"]


class Keeper:
    """Keeps what handlers bring, as much as there is at a time."""

    def __init__(self, address: Address, source: str) -> None:
        self._address, self._source = address, source
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keeper")

    async def keep(self, bodies: Sequence[bytes]) -> None:
        """Return once the messages are durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._waiting.put((bodies, done))
        await done

    async def work(self) -> None:
        """Write what waits, again and again."""
        while True:
            taken = [await self._waiting.get()]
            while not self._waiting.empty():
                taken.append(self._waiting.get_nowait())
            bodies = [body for some, _ in taken for body in some]
            while not await self._written(bodies):
                await asyncio.sleep(_AGAIN_SECONDS)
            for _, done in taken:
                if not done.done():  # a handler may have been given up with its connection
                    done.set_result(None)

    async def _written(self, bodies: Sequence[bytes]) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, bodies)

    def _write(self, bodies: Sequence[bytes]) -> bool:
        """Keep messages in one transaction; False where that has to wait."""
        try:
            read = [events_of(body) for body in bodies]
            if not BACKLOG.takes(sum(lines.count for lines, _ in read)):
                return False
            with transaction.atomic(), audit.acting_as(f"stream:{self._address.shown}"[:200]):
                for lines, format in gathered(read):
                    receipts.keep(lines, format=format, source=self._source, size=len(lines.text))
        except (OperationalError, InterfaceError) as error:
            _log.warning("%s waits for the database: %s", self._address.shown, error)
            connection.close()
            return False
        return True


def events_of(body: bytes) -> tuple[Lines, str]:
    """The events of a message and their format. What is none is one line, which is refused with its
    text when it is loaded."""
    try:
        lines = lines_of(body, shape_of(body))
    except NoJson:
        lines = Lines(text=on_one_line(body).strip() or b"null", count=1)
    return lines, cloudevents.NAME if cloudevents.sniff(lines.text) else "jsonl"


def gathered(read: Sequence[tuple[Lines, str]]) -> list[tuple[Lines, str]]:
    """Messages of one format, one after the other, put together."""
    made: list[tuple[list[bytes], int, str]] = []
    for lines, format in read:
        if made and made[-1][2] == format and made[-1][1] + lines.count <= _EVENTS_MOST:
            texts, count, _ = made[-1]
            made[-1] = ([*texts, lines.text], count + lines.count, format)
        else:
            made.append(([lines.text], lines.count, format))
    return [(Lines(text=b"\n".join(texts), count=count), format) for texts, count, format in made]


async def consume(url: str, *, source: str) -> None:
    """Take messages until the program is told to end. Raises UnknownStream."""
    address = address_of(url)
    keeper = Keeper(address, source)
    broker = broker_of(address, keeper.keep)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work, stopped = asyncio.create_task(keeper.work()), asyncio.create_task(stop.wait())
    await broker.start()
    try:
        await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await kind_of(address).end(broker)
        if work.done():
            work.result()  # a bug: tell it
        work.cancel()
