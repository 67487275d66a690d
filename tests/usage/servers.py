"""Servers of messages on this machine that can be killed and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

from loops import run
from ports import free_port, until_it_listens


class Server:
    """A server of messages on this machine that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.start()

    def command(self) -> list[str]:
        raise AssertionError("each kind has its own")

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=self.environment(), start_new_session=True,
        )  # fmt: skip
        until_it_listens(self.process, self.port)

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        self.kill()

    def expect(self) -> None:
        """Keep what comes from now on for whoever consumes."""


class Nats(Server):
    """nats-server with JetStream on disk."""

    def command(self) -> list[str]:
        return [shutil.which("nats-server") or "/usr/sbin/nats-server", "-js", "-sd",
                str(self.folder), "-a", "127.0.0.1", "-p", str(self.port)]  # fmt: skip

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}/USAGE/usage.events?durable=meterline"

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes]) -> None:
        import nats

        client = await nats.connect(f"nats://127.0.0.1:{self.port}")
        stream = client.jetstream()
        await stream.add_stream(name="USAGE", subjects=["usage.>"])
        for message in messages:
            await stream.publish("usage.events", message)  # waits until the server has it
        await client.close()


class Mosquitto(Server):
    """mosquitto that keeps its sessions on disk."""

    def command(self) -> list[str]:
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nmax_queued_messages 0\n"
            "max_inflight_messages 200\n"
            "user root\n"
        )
        return [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(config)]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/usage/+?client=meterline"

    def kill(self) -> None:
        """Stop it so that it saves: it loses what it has not saved, whoever consumes."""
        self.process.terminate()
        self.process.wait()

    def expect(self) -> None:
        """A session that stays."""
        run(self._expect())

    async def _expect(self) -> None:
        import zmqtt

        async with zmqtt.create_client(
            "127.0.0.1",
            self.port,
            version="5.0",
            client_id="meterline",
            clean_session=False,
            session_expiry_interval=86_400,
        ) as client:
            await client.subscribe("usage/+", qos=zmqtt.QoS.AT_LEAST_ONCE).start()

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes]) -> None:
        import zmqtt

        async with zmqtt.create_client("127.0.0.1", self.port, version="5.0") as client:
            for message in messages:
                await client.publish("usage/app", message, qos=zmqtt.QoS.AT_LEAST_ONCE)


class Rabbit(Server):
    """rabbitmq-server with a lasting queue, and the name server that it needs, on loopback."""

    QUEUE = "usage"

    def __init__(self, folder: Path) -> None:
        self.names, self.others = free_port(), free_port()
        command = ["epmd", "-address", "127.0.0.1", "-port", str(self.names)]
        self.name_server = subprocess.Popen(command)
        super().__init__(folder)

    def command(self) -> list[str]:
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def environment(self) -> dict[str, str]:
        mine = {
            "HOME": self.folder, "ERL_EPMD_PORT": self.names, "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "meterline@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port, "RABBITMQ_DIST_PORT": self.others,
            "RABBITMQ_MNESIA_BASE": self.folder, "RABBITMQ_LOG_BASE": self.folder,
            "RABBITMQ_CONFIG_FILE": self.folder / "none", "RABBITMQ_PID_FILE": self.folder / "pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        return {**os.environ, **{name: str(value) for name, value in mine.items()}}

    def start(self) -> None:
        super().start()
        run(self._wait())

    async def _wait(self) -> None:
        """It listens a while before it lets anybody in."""
        import aio_pika

        for _ in range(1_200):
            try:
                link = await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{self.port}/")
            except aio_pika.exceptions.AMQPConnectionError:
                await asyncio.sleep(0.05)
            else:
                await link.close()
                return
        raise AssertionError("the server does not let anybody in")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/?queue={self.QUEUE}"

    def expect(self) -> None:
        """The queue."""
        self.publish([])

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes]) -> None:
        import aio_pika

        async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{self.port}/") as link:
            channel = await link.channel()
            await channel.declare_queue(self.QUEUE, durable=True)
            for body in messages:
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await channel.default_exchange.publish(message, self.QUEUE)  # waits for the server

    def end(self) -> None:
        super().end()
        self.name_server.kill()
        self.name_server.wait()


class Kafka(Server):
    """One node of Kafka, of the JARs in the folder that METERLINE_KAFKA names."""

    def __init__(self, folder: Path) -> None:
        self.controller = free_port()
        super().__init__(folder)

    def start(self) -> None:
        self.config = self.folder / "server.properties"
        if not self.config.exists():
            self.config.write_text(
                "process.roles=broker,controller\nnode.id=1\nnum.partitions=3\n"
                f"controller.quorum.voters=1@127.0.0.1:{self.controller}\n"
                "controller.listener.names=CONTROLLER\n"
                f"listeners=PLAINTEXT://127.0.0.1:{self.port},"
                f"CONTROLLER://127.0.0.1:{self.controller}\n"
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
                f"log.dirs={self.folder}/log\noffsets.topic.replication.factor=1\n"
                "group.initial.rebalance.delay.ms=0\ntransaction.state.log.min.isr=1\n"
                "transaction.state.log.replication.factor=1\n"
            )
            format_ = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg"]
            subprocess.run([*self._java(), *format_, "-c", str(self.config)], check=True)
        super().start()
        run(self._publish([], wait=True))

    def command(self) -> list[str]:
        return [*self._java(), "kafka.Kafka", str(self.config)]

    @staticmethod
    def _java() -> list[str]:
        return ["java", "-Xmx512m", "-cp", f"{os.environ['METERLINE_KAFKA']}/*"]

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}/usage?group=meterline"

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes], *, wait: bool = False) -> None:
        import aiokafka

        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=f"127.0.0.1:{self.port}", acks="all", enable_idempotence=True
        )
        for _ in range(1_200 if wait else 1):
            try:
                await producer.start()
            except aiokafka.errors.KafkaConnectionError:
                await asyncio.sleep(0.05)
            else:
                break
        for message in messages:
            await producer.send_and_wait("usage", message)
        await producer.stop()
