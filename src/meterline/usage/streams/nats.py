"""NATS JetStream: `nats://HOST/STREAM/SUBJECT?durable=NAME`. A durable consumer, pulled in batches;
what is not acknowledged comes again after half a minute."""

from __future__ import annotations

from typing import Any

from meterline.usage.streams import LOG, Address, Keep, as_it_is

SCHEMES = ("nats", "tls")
_BATCH = 500
_WAIT_SECONDS = 1.0
_AGAIN_SECONDS = 30.0
_FOR_EVER = -1


def broker(address: Address, keep: Keep) -> Any:
    """A broker that takes the messages of one subject of a stream."""
    from faststream import AckPolicy
    from faststream.nats import JStream, NatsBroker, PullSub
    from nats.js.api import ConsumerConfig

    made = NatsBroker(address.url, apply_types=False, logger=LOG, max_reconnect_attempts=_FOR_EVER)

    @made.subscriber(
        address.part(1, "subject"),
        stream=JStream(address.part(0, "stream"), declare=False),
        durable=address.option("durable", "meterline"),
        pull_sub=PullSub(batch_size=_BATCH, timeout=_WAIT_SECONDS, batch=True),
        config=ConsumerConfig(ack_wait=_AGAIN_SECONDS),
        ack_policy=AckPolicy.MANUAL,
        decoder=as_it_is,
    )
    async def take(batch: Any) -> None:
        await keep([message.data for message in batch.raw_message])
        await batch.ack()

    return made


async def end(broker: Any) -> None:
    """End the broker; what is under way is finished before."""
    await broker.stop()
