"""Answers to HTTP/1.0, which knows no chunks: what is sent without a length ends with its connection.

nginx speaks HTTP/1.0 to what is behind it, unless it is told otherwise (`proxy_http_version`); old clients do, too.
"""

from typing import override

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Unchunked(RequestResponseCycle):
    """An answer that is never sent in chunks (RFC 9112, section 6.1)."""

    @classmethod
    def make(cls, answer: RequestResponseCycle) -> None:
        """Make this of an answer that has not begun."""
        answer.__class__ = cls

    @override
    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            if not any(name.lower() == b"content-length" for name, _ in message.get("headers", ())):
                self.chunked_encoding = False
                self._endless = True
        elif message["type"] == "http.response.body" and getattr(self, "_endless", False):
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)
