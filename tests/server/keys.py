"""An identity provider's key set (RFC 7517) on a loopback port."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


@dataclass
class KeySet:
    """What the provider publishes: bytes, and how often they were fetched."""

    body: bytes = b""
    url: str = ""
    fetched: int = 0
    away: bool = False
    """Whether it answers with 503."""

    def publish(self, key: rsa.RSAPrivateKey) -> None:
        """Makes the public half of a key the only one, with the id `1`."""
        public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
        self.body = json.dumps({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}).encode()


@contextmanager
def published() -> Iterator[KeySet]:
    """A key set at an address."""
    keys = KeySet()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.fetched += 1
            self.send_response(503 if keys.away else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(keys.body)))
            self.end_headers()
            self.wfile.write(keys.body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        keys.url = f"http://127.0.0.1:{server.server_port}/keys"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield keys
        finally:
            server.shutdown()
            thread.join()
