"""Serving the application with uvicorn: one process or several, and an end without loose ends."""

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from typing import cast, override

import uvicorn
from uvicorn.supervisors import multiprocess

from server import hangups, logs, model_files
from server.app import Transom
from server.connections import HTTPProtocol
from server.settings import Settings, current
from server.sockets import WebSocketProtocol

LARGEST_FRAME = 8_000_000
"""Bytes of one WebSocket message, beyond which the socket is closed: what is merely larger than a request may be costs
its operation alone."""
LONGEST_GOODBYE = 1.0
"""Seconds that clients have to read the end of their answers when the server ends."""


class CannotListen(Exception):
    """The address cannot be listened on. The text says what to do."""


class Server(uvicorn.Server):
    """A uvicorn server that tells runs and windows before it closes their connections."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and takes what there is by then out of the garbage collector's rounds: it stays as long as we do."""
        app = cast("Transom", self.config.loaded_app)
        if app.settings.models_file is not None:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self._hang_up, app, hangups.Hangups())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))  # what came since `_Worker.start`, too
        await super().startup(sockets=sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)  # a page is a few thousand objects, none of which survives it

    def _hang_up(self, app: Transom, heard: hangups.Hangups) -> None:
        if heard.end():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            app.renew_models()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts nobody any more, then drains the application, so that windows are told why.

        uvicorn would cut them without a word; and it would cancel, and log as errors, what has not ended then.
        """
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        await cast("Transom", self.config.loaded_app).drain()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if tasks := set(self.server_state.tasks):
            await asyncio.wait(tasks, timeout=LONGEST_GOODBYE)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown()
        if cast("Transom", self.config.loaded_app).settings.models_file is not None:
            hangups.ignore(asyncio.get_running_loop())


def config(settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application; its process reads the settings from the environment."""
    return uvicorn.Config(
        "server.app:create",
        factory=True,
        proxy_headers=False,
        workers=settings.workers,
        loop="uvloop",
        http=HTTPProtocol,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
        ws_ping_interval=10,
        ws_ping_timeout=20,
        ws_max_size=LARGEST_FRAME,
        lifespan="on",
        access_log=False,  # a GET request has its document in the address
        log_config=None,
        timeout_graceful_shutdown=5,
        timeout_worker_healthcheck=30,  # a process that is still starting, on a busy machine, says nothing yet
        server_header=False,
    )


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on.

    Raises:
        CannotListen: the address is in use, or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise CannotListen(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            f"Choose another address with TRANSOM_HOST and TRANSOM_PORT, or end what uses this one."
        ) from error
    listening.set_inheritable(True)
    return listening


class _Worker(multiprocess.Process):
    """One server process of several. It ends when its parent has gone, however that happened."""

    @property
    @override
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = Server(self.config)
        return self._server

    @override
    def start(self) -> None:
        """Starts it. What asks it to read the file of the models again waits until it can."""
        with hangups.blocked():
            super().start()

    @override
    def target(self, sockets: list[socket.socket] | None = None) -> None:
        logs.set_up(current().log_level)
        if current().models_file is None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent says when to end
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        super().target(sockets)


class _Supervisor(multiprocess.Multiprocess):
    """Several server processes on one socket, which this process listens on for as long as they are to accept.

    They end by SIGHUP, too, where uvicorn begins anew; or with a file of models, they read it again.
    """

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        self._settings = settings
        self._hangups = hangups.Hangups()  # before uvicorn takes the signal
        super().__init__(config(settings), sockets=[listening])

    @override
    def handle_hup(self) -> None:
        path = self._settings.models_file
        if path is None or self._hangups.end():
            self.handle_term()
            return
        if model_files.renew(path, silence=self._settings.model_silence) is None:
            return
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, signal.SIGHUP)

    @override
    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def run(settings: Settings, environment: Mapping[str, str], listening: socket.socket) -> None:
    """Serves until SIGINT or SIGTERM. `environment` is what the server processes read their settings from."""
    os.environ.update(environment)
    if settings.workers == 1:
        Server(config(settings)).run(sockets=[listening])
    else:
        multiprocess.Process = _Worker  # type: ignore[misc]  # uvicorn has no other place to name it
        _Supervisor(settings, listening).run()
