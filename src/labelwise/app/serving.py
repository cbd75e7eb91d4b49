"""Serving the page on this machine, until Ctrl-C."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labelwise.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn

    from labelwise.app.session import Session
    from labelwise.project import Project

HOST = "127.0.0.1"  # never anything else: who reaches the port is on this machine
PORT = 8790
_N_PORTS = 20  # that are tried


def serve(
    project: Project,
    *,
    port: int = PORT,
    items: Any = None,
    browser: bool = True,
    say: Callable[[str], object] = lambda line: None,
    ready: Callable[[str], object] = lambda address: None,
) -> None:
    """Serve a project's page until the program is interrupted, and release the project.

    Parameters
    ----------
    project : Project
        Open.
    port : int
        Where to listen; of ports that are taken, the next free one.
    items : array-like, default=None
        The items, where the project cannot read them itself.
    browser : bool, default=True
        Whether to open the page in the person's browser.
    say : callable
        Gets lines for the person.
    ready : callable
        Gets the address once the server listens.

    Raises
    ------
    MissingExtraError
        If FastAPI or uvicorn are not installed.
    StorageError
        If another process is changing the project.
    ParameterError
        If no port is free.
    """
    try:
        import fastapi  # noqa: F401 (whether it is there)
        import uvicorn
    except ImportError as error:
        raise MissingExtraError("the page", error.name or "fastapi", "app") from error
    from labelwise.app.server import make_app
    from labelwise.app.session import Session

    listening = listen(port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    address = f"http://{HOST}:{port}/?token={token}"
    session = Session(project, items)
    try:
        app = make_app(session, token, port)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        server = _make_server(config, session)
        say(f"The page is at {address}")
        if browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        else:
            say("On a remote machine? Run this on your own first:")
            say(f"  ssh -N -L {port}:{HOST}:{port} {socket.gethostname()}")
        say("Ctrl-C ends it; every decision is saved when the page says so.")
        ready(address)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    finally:
        session.close()
        listening.close()


def _make_server(config: uvicorn.Config, session: Session) -> uvicorn.Server:
    """A server that ends streams of news as soon as it shall end: it waits for all that it answers.

    Answers that are cut off then are not reported as errors.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            session.is_closed = True
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            super().handle_exit(sig, frame)

    return Server(config)


def listen(port: int) -> socket.socket:
    """Take a port, or the next one that is free; 0 takes any.

    Raises
    ------
    ParameterError
        If none of them is free.
    """
    for candidate in range(port, min(port + _N_PORTS, 65536)):
        # asyncio sends small answers at once (TCP_NODELAY) only from sockets that say their protocol: from
        # others each waits 40 ms until the browser's system has confirmed its head.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen(128)  # whoever gets the address may ask before the server is up
        except OSError:
            listening.close()
            continue
        return listening
    raise ParameterError(f"no port from {port} to {port + _N_PORTS - 1} is free: name another with --port")
