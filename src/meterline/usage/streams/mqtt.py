"""MQTT 5: `mqtt://HOST/TOPIC?client=NAME`, with quality of service 1. The session stays with the
server for a week; what was not acknowledged comes again with the next connection."""

from __future__ import annotations

from typing import Any

from meterline.usage.streams import LOG, Address, Keep, as_it_is

SCHEMES = ("mqtt", "mqtts")
_UNDER_WAY = 200
_WEEK_SECONDS = 7 * 86_400
_AGAIN_SECONDS = 5.0


def broker(address: Address, keep: Keep) -> Any:
    """A broker that takes the messages of a topic; wildcards are allowed."""
    import zmqtt
    from faststream import AckPolicy
    from faststream.mqtt import MQTTBroker

    made = MQTTBroker(
        address.url, client_id=address.option("client", "meterline"), clean_session=False,
        session_expiry_interval=_WEEK_SECONDS, receive_maximum=_UNDER_WAY,
        apply_types=False, logger=LOG,
        reconnect=zmqtt.ReconnectConfig(max_delay=_AGAIN_SECONDS, max_attempts=None),
    )  # fmt: skip

    @made.subscriber(
        address.path or address.part(0, "topic"),
        qos=zmqtt.QoS.AT_LEAST_ONCE,
        max_workers=_UNDER_WAY,
        ack_policy=AckPolicy.MANUAL,
        decoder=as_it_is,
    )
    async def take(message: Any) -> None:
        await keep([message.raw_message.payload])
        await message.ack()

    return made


async def end(broker: Any) -> None:
    """Nothing: the connection ends with the program. To stop the broker would be to unsubscribe,
    and the server would keep nothing until the next start."""
