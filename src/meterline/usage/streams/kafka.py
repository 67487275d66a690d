"""Kafka: `kafka://HOST[,HOST...]/TOPIC?group=NAME`. Offsets are committed batch by batch, after the
batch is kept."""

from __future__ import annotations

from typing import Any

from meterline.usage.streams import LOG, Address, Keep, as_it_is

SCHEMES = ("kafka",)
_BATCH = 500
_GATHER_MS = 500


def broker(address: Address, keep: Keep) -> Any:
    """A broker that takes the messages of a topic, for a group of consumers."""
    from faststream import AckPolicy
    from faststream.kafka import KafkaBroker

    made = KafkaBroker(
        address.url.removeprefix("kafka://").split(","), apply_types=False, logger=LOG
    )

    @made.subscriber(
        address.part(0, "topic"),
        batch=True,
        group_id=address.option("group", "meterline"),
        auto_offset_reset="earliest",
        max_records=_BATCH,
        batch_timeout_ms=_GATHER_MS,
        ack_policy=AckPolicy.MANUAL,
        decoder=as_it_is,
    )
    async def take(batch: Any) -> None:
        await keep([message.value or b"" for message in batch.raw_message])
        await batch.ack()

    return made


async def end(broker: Any) -> None:
    """End the broker; what is under way is finished before."""
    await broker.stop()
