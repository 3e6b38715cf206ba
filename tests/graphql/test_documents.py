import json
import statistics
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.graphql.served import Served, schema, serving, socket
from transports import Limits, PersistedDocuments, manifest
from transports import documents as documents_
from transports.documents import Documents
from transports.persisted import PERSISTED_DOCUMENTS
from transports.requests import Request

HELLO = "{ hello }"
HASH = sha256(HELLO.encode()).hexdigest()
PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}


def code(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def test_a_document_is_read_once() -> None:
    documents = Documents(schema._schema, Limits())
    assert documents.get(HELLO) is documents.get(HELLO)


def test_reading_again_costs_next_to_nothing() -> None:
    documents = Documents(schema._schema, Limits())
    text = "query Page { node { child { child { id name child { id name } } } } hello }"

    def took(action: object) -> float:
        started = time.perf_counter()
        assert callable(action)
        action()
        return time.perf_counter() - started

    first = statistics.median(took(lambda: Documents(schema._schema, Limits()).get(text)) for _ in range(20))
    documents.get(text)
    again = statistics.median(took(lambda: documents.get(text)) for _ in range(20))
    assert again * 20 < first


def test_the_documents_in_memory_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_, "CACHED_DOCUMENTS", 3)
    documents = Documents(schema._schema, Limits())
    first = documents.get(HELLO)
    for number in range(10):
        documents.get(f"query Q{number} {{ hello }}")
        assert documents.get(HELLO) is first
    assert list(documents._cache) == ["query Q8 { hello }", "query Q9 { hello }", HELLO]


def test_the_documents_in_memory_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_, "CACHED_BYTES", 1_000_000)
    documents = Documents(schema._schema, Limits(root_fields=1_000))
    for number in range(10):
        documents.get(f"query Q{number} {{ {'hello ' * 500} }}")
    assert documents._bytes == sum(document.size for document in documents._cache.values()) <= 1_000_000
    assert list(documents._cache) == [f"query Q{number} {{ {'hello ' * 500} }}" for number in (7, 8, 9)]


async def test_a_persisted_document_is_sent_once(http: httpx.AsyncClient) -> None:
    async with serving() as served:
        unknown = await http.post(served.url, json={"extensions": PERSISTED})
        assert unknown.json() == {
            "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
        }
        assert (await http.post(served.url, json={"query": HELLO, "extensions": PERSISTED})).status_code == 200
        answers = [
            await http.post(served.url, json={"extensions": PERSISTED}),
            await http.get(served.url, params={"extensions": json.dumps(PERSISTED)}),
        ]
        assert [answer.json() for answer in answers] == [{"data": {"hello": "Hello world"}}] * 2


async def test_a_persisted_document_is_shared_with_the_socket() -> None:
    async with serving() as served, socket(served) as client:
        for id_, payload in enumerate(
            (
                {"extensions": PERSISTED},
                {"query": HELLO, "extensions": PERSISTED},
                {"extensions": PERSISTED},
            )
        ):
            await client.send({"type": "subscribe", "id": str(id_), "payload": payload})
        unknown, *frames = [await client.receive() for _ in range(5)]
        assert unknown["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert [frame["payload"] for frame in frames if frame["type"] == "next"] == [
            {"data": {"hello": "Hello world"}}
        ] * 2


async def test_a_wrong_hash_stores_nothing(http: httpx.AsyncClient) -> None:
    async with serving() as served:
        for more in ({}, {"documentId": "x"}):
            answer = await http.post(served.url, json={"query": "{ node { id } }", "extensions": PERSISTED, **more})
            assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
        assert code(await http.post(served.url, json={"extensions": PERSISTED})) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("persisted", [{"version": 2, "sha256Hash": HASH}, {"version": 1}, "x", {"sha256Hash": HASH}])
async def test_another_version_is_not_supported(served: Served, http: httpx.AsyncClient, persisted: Any) -> None:
    answer = await http.post(served.url, json={"query": HELLO, "extensions": {"persistedQuery": persisted}})
    assert code(answer) == "PERSISTED_QUERY_NOT_SUPPORTED"


async def test_an_invalid_document_is_not_stored(http: httpx.AsyncClient) -> None:
    async with serving() as served:
        text = "{ nothing }"
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}
        assert code(await http.post(served.url, json={"query": text, "extensions": extensions})) == (
            "GRAPHQL_VALIDATION_FAILED"
        )
        assert code(await http.post(served.url, json={"extensions": extensions})) == "PERSISTED_QUERY_NOT_FOUND"


def test_the_persisted_documents_are_bounded() -> None:
    persisted = PersistedDocuments()
    for number in range(PERSISTED_DOCUMENTS + 10):
        hash_ = f"{number:064}"
        persisted.keep(Request(f"query Q{number}", extensions={"persistedQuery": {"version": 1, "sha256Hash": hash_}}))
    assert len(persisted._stored) == PERSISTED_DOCUMENTS


APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": "abc", "name": "Hello", "type": "query", "body": HELLO}],
}


@pytest.mark.parametrize("content", [{"abc": HELLO}, APOLLO])
@pytest.mark.parametrize("only_trusted", [True, False])
async def test_a_trusted_document_runs_by_its_id(
    http: httpx.AsyncClient, tmp_path: Path, content: Any, only_trusted: bool
) -> None:
    path = tmp_path / "persisted-documents.json"
    path.write_text(json.dumps(content))
    async with serving(persisted=PersistedDocuments(manifest(path), only_trusted=only_trusted)) as served:
        requests: list[dict[str, Any]] = [
            {"documentId": "abc"},
            {"documentId": "sha256:abc"},
            {"id": "abc"},
            {"doc_id": "abc"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}},
        ]
        answers = [(await http.post(served.url, json=request)).json() for request in requests]
        assert answers == [{"data": {"hello": "Hello world"}}] * 5


async def test_nothing_else_runs_if_only_trusted_documents_may(http: httpx.AsyncClient) -> None:
    async with serving(persisted=PersistedDocuments({"abc": HELLO}, only_trusted=True)) as served:
        assert (await http.post(served.url, json={"query": HELLO})).json() == {"data": {"hello": "Hello world"}}
        other = "{ node { id } }"
        hash_ = sha256(other.encode()).hexdigest()
        for request in (
            {"query": other},
            {"documentId": "no such"},
            {"query": other, "documentId": "abc"},
            {"query": other, "id": 7},
            {"query": other, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}},
        ):
            assert code(await http.post(served.url, json=request)) == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"a": 1}', '{"format": "apollo-persisted-query-manifest", "operations": [{}]}']
)
def test_what_is_no_manifest_is_said_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"The manifest .* is not"):
        manifest(path)
