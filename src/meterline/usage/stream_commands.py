"""`meterline usage consume`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer


def consume(
    url: Annotated[
        str,
        typer.Argument(
            help="Such as nats://HOST/STREAM/SUBJECT, kafka://HOST/TOPIC, mqtt://HOST/TOPIC,"
            " amqp://HOST/VHOST?queue=NAME."
        ),
    ],
    source: Annotated[
        str, typer.Option(help="Where it comes from; part of ids that are not given.")
    ] = "stream",
) -> None:
    """Take usage from a stream until stopped; messages are acknowledged once they are durable. The
    worker loads them."""
    from meterline.usage.consume import consume as take
    from meterline.usage.streams import address_of

    typer.echo(f"taking usage from {address_of(url).shown} (Ctrl-C stops)")
    asyncio.run(take(url, source=source))
