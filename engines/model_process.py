"""Serves a GGUF model over OpenAI's protocol until it is ended; run as a program of its own.

`python model_process.py weights.gguf`, with a TCP socket that is bound to the port to serve as standard input. The
socket never listens: it keeps the port from others while the model loads.
"""

import signal
import socket
import sys
from pathlib import Path

LONGEST_REPLY = 768
"""Tokens of a reply at most."""
CONTEXT = 8192
"""Tokens of a conversation at most."""
CONVERSATIONS = 3
"""How many are answered at once. More have to wait."""
READ_AT_ONCE = 256
"""Tokens that are read before anything else happens: a stop is heard, progress is told, others get their turn."""


def main() -> None:
    """Load the model and serve it; ends with a sentence on standard error if that cannot be."""
    weights = Path(sys.argv[1])
    place = socket.socket(fileno=0)  # it holds the port for as long as this name does
    host, port = place.getsockname()
    try:
        import xllamacpp  # noqa: PLC0415
    except ImportError as error:
        sys.exit(
            f"The local model cannot run on this machine: {error}. "
            "Set TRANSOM_MODEL_URL to the address of an OpenAI-compatible model."
        )
    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights)
    settings.model_alias = {weights.name.partition(".")[0]}
    settings.hostnames = [host]
    settings.port = port
    settings.reuse_port = True
    settings.cpuparams.n_threads = 1
    settings.cpuparams_batch.n_threads = 1
    settings.n_threads_http = 2 * CONVERSATIONS
    # Each conversation has a room of its own, kept in 8 bits: 100 MB. Finished ones are not kept aside.
    settings.n_ctx = CONTEXT * CONVERSATIONS
    settings.n_batch = settings.n_ubatch = READ_AT_ONCE
    settings.n_predict = LONGEST_REPLY  # a model this small may not find an end by itself
    settings.sampling.temp = 0.6
    settings.sampling.penalty_repeat = 1.15
    settings.sampling.penalty_last_n = 256
    settings.n_parallel = CONVERSATIONS
    settings.kv_unified = False
    settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    settings.cache_ram_mib = 0
    # No pages of other origins, no pages of its own, no view of what others say.
    settings.cors_origins = f"http://{host}:{port}"
    settings.ui = False
    settings.endpoint_slots = False
    settings.verbosity = 1
    try:
        server = xllamacpp.Server(settings)
    except Exception as error:
        sys.exit(f"The local model could not be loaded from {weights}: {error}")
    print(f"Serving {weights.name} at {server.listening_address}/v1", flush=True)  # noqa: T201
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
