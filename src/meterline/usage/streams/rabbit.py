"""RabbitMQ: `amqp://USER:PASSWORD@HOST/VHOST?queue=NAME`. The queue must be there; messages that
are under way together are kept together."""

from __future__ import annotations

from typing import Any

from meterline.usage.streams import LOG, Address, Keep, as_it_is

SCHEMES = ("amqp", "amqps")
_UNDER_WAY = 1_000


def broker(address: Address, keep: Keep) -> Any:
    """A broker that takes the messages of a queue."""
    from faststream import AckPolicy
    from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

    made = RabbitBroker(
        f"{address.url}/{address.path}", apply_types=False, logger=LOG,
        default_channel=Channel(prefetch_count=_UNDER_WAY),
    )  # fmt: skip

    @made.subscriber(
        RabbitQueue(address.option("queue"), declare=False),
        ack_policy=AckPolicy.MANUAL,
        decoder=as_it_is,
    )
    async def take(message: Any) -> None:
        await keep([message.raw_message.body])
        await message.ack()

    return made


async def end(broker: Any) -> None:
    """End the broker; what is under way is finished before."""
    await broker.stop()
