"""Documents that clients name in place of sending their text: persisted on the way, or trusted from a manifest."""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from transports.errors import Code, refusal
from transports.requests import Request

PERSISTED_DOCUMENTS = 1_000
PERSISTED_CHARACTERS = 1_000_000


def manifest(path: Path) -> Mapping[str, str]:
    """Read trusted documents by id from a file of graphql-codegen, Relay (`{id: text}`) or Apollo.

    Raises:
        ValueError: the file has none of these forms.
        OSError: the file cannot be read.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ValueError(f"The manifest {path} is not JSON.") from error
    if isinstance(content, dict) and content.get("format") == "apollo-persisted-query-manifest":
        content = {operation.get("id"): operation.get("body") for operation in content.get("operations", ())}
    if not isinstance(content, dict) or not all(
        isinstance(id_, str) and isinstance(text, str) for id_, text in content.items()
    ):
        raise ValueError(f"The manifest {path} is not of graphql-codegen, Relay or Apollo.")
    return content


class PersistedDocuments:
    """Finds the text that a request means.

    `trusted` are the documents of a manifest by id; with `only_trusted`, no others run. Otherwise clients may store
    documents by hash (automatic persisted queries, version 1): at most 1,000, of a million characters together, in
    the memory of this process.
    """

    def __init__(self, trusted: Mapping[str, str] | None = None, *, only_trusted: bool = False) -> None:
        self._trusted = {id_.removeprefix("sha256:"): text for id_, text in (trusted or {}).items()}
        self._texts = frozenset(self._trusted.values()) if only_trusted else None
        self._stored: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def text_of(self, request: Request) -> str:
        """The text of the document to run.

        Raises:
            Refused: it is not known, not trusted, or not what its hash says.
        """
        text, hash_ = request.query, _hash(request)
        if text is None:
            text = self._known(request.document_id or hash_ or "")
        elif hash_ is not None and sha256(text.encode()).hexdigest() != hash_:
            raise refusal(Code.BAD_REQUEST, "The document's SHA-256 hash is not the one given with it.")
        if self._texts is not None and text not in self._texts:
            raise refusal(Code.DOCUMENT_NOT_TRUSTED, "Only documents of the server's manifest are accepted.")
        return text

    def keep(self, request: Request) -> None:
        """Store a document that was sent together with its hash, once `text_of` has checked it and it is valid."""
        hash_ = _hash(request)
        text = request.query
        if hash_ is None or text is None or self._texts is not None or hash_ in self._stored:
            return
        self._stored[hash_] = text
        self._characters += len(text)
        while len(self._stored) > PERSISTED_DOCUMENTS or self._characters > PERSISTED_CHARACTERS:
            self._characters -= len(self._stored.popitem(last=False)[1])

    def _known(self, id_: str) -> str:
        id_ = id_.removeprefix("sha256:")
        if id_ in self._trusted:
            return self._trusted[id_]
        if id_ in self._stored:
            self._stored.move_to_end(id_)
            return self._stored[id_]
        if self._texts is not None:
            raise refusal(Code.DOCUMENT_NOT_TRUSTED, "Only documents of the server's manifest are accepted.")
        raise refusal(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")


def _hash(request: Request) -> str | None:
    persisted: Any = (request.extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    hash_ = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(hash_, str) or persisted.get("version") != 1:
        raise refusal(Code.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
    return hash_.lower()
