"""`meterline serve`: the web and the worker, until stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from threading import Thread
from typing import Annotated, Any

import typer

from meterline.platform import libraries

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    sign_in: Annotated[
        str | None,
        typer.Option(help="Print a link that signs this user in, once; loopback only."),
    ] = None,
) -> None:
    """Run the console, the portal and the worker until stopped."""
    if sign_in is not None and host not in LOOPBACK:
        raise typer.BadParameter("a link is good on this machine only: listen on 127.0.0.1")
    where = f"http://{host}:{port}"
    if sign_in is not None:
        typer.echo(f"Open {where}{_link(sign_in)}\nIt signs {sign_in} in, once, on this machine.")
    typer.echo(f"Meterline at {where} (Ctrl-C stops)")
    worker = subprocess.Popen(
        [sys.executable, "-m", "meterline", "worker"], env=libraries.environment()
    )
    signal.signal(signal.SIGTERM, _stop)  # the server raises it again once it has closed
    try:
        _defer_kept()
        _run(host, port)
    finally:
        worker.terminate()
        worker.wait()


def _run(host: str, port: int) -> None:
    """The web server, until a signal; pages that follow a job are let go at once."""
    import uvicorn

    from meterline.web import drawings, live

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            live.CLOSING.set()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        "meterline.api.asgi:application", host=host, port=port, log_level="warning",
        access_log=False, lifespan="off", proxy_headers=False,
    )  # fmt: skip
    libraries.load()
    Thread(target=drawings.warm, daemon=True).start()  # beside what follows
    config.load_app()  # outside of the loop, in which Django lets nothing touch the database
    Server(config).run()


def _stop(number: int, _frame: Any) -> None:
    sys.exit(128 + number)


def _link(email: str) -> str:
    """The path that signs in; a user who is not there yet is made an administrator, which is why
    this asks for the command line of the machine."""
    from meterline.access import secrets, services
    from meterline.access.errors import UnknownUser

    try:
        user = services.user_by_email(email)
    except UnknownUser:
        user = services.add_user(email, name="Demo", roles=["admin"])
    return f"/sign-in/{secrets.make_link(user)}/"


def _defer_kept() -> None:
    """Let the worker compute at once what pages show as kept."""
    from procrastinate.exceptions import AlreadyEnqueued

    from meterline.insight.jobs import refresh_reports
    from meterline.ledger.jobs import refresh_trial_balance
    from meterline.web.jobs import refresh_figures

    for task in (refresh_figures, refresh_reports, refresh_trial_balance):
        with suppress(AlreadyEnqueued):
            task.defer(timestamp=0)  # type: ignore[call-arg]
