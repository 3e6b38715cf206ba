import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.graphql.served import Served, serving, until, within

JSON = "application/json"
RESPONSE = "application/graphql-response+json"


def code(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


async def test_a_query_is_answered(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json={"query": "{ hello }"})
    assert (answer.status_code, answer.content) == (200, b'{"data":{"hello":"Hello world"}}')
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_mutation_is_answered(served: Served, http: httpx.AsyncClient) -> None:
    query = "mutation Add($a: Int!) { add(a: $a, b: 2) }"
    answer = await http.post(served.url, json={"query": query, "variables": {"a": 1}, "operationName": "Add"})
    assert answer.json() == {"data": {"add": 3}}


async def test_the_context_knows_who_asks_and_from_which_window(served: Served, http: httpx.AsyncClient) -> None:
    headers = {"authorization": "Bearer ada", "x-transom-client": "window 1"}
    answer = await http.post(served.url, json={"query": "{ viewer }"}, headers=headers)
    assert answer.json() == {"data": {"viewer": "ada at window 1 over http"}}


async def test_a_long_client_name_is_refused(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json={"query": "{ viewer }"}, headers={"x-transom-client": "x" * 129})
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_an_invalid_token_is_told_so(served: Served, http: httpx.AsyncClient) -> None:
    headers = {"authorization": "Bearer nobody"}
    answer = await http.post(served.url, json={"query": "{ viewer }"}, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json() == {
        "errors": [{"message": "The token is not valid.", "extensions": {"code": "UNAUTHENTICATED"}}]
    }


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON};q=0.9", JSON),
        (f"{RESPONSE}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", RESPONSE),
        (f"text/event-stream, {JSON}", JSON),
        (f"text/event-stream, {JSON};q=0.9", "text/event-stream"),
        ("text/html, */*;q=0.1", JSON),
        (f"*/*, {JSON};q=0", RESPONSE),
    ],
)
async def test_the_media_type_is_negotiated(served: Served, http: httpx.AsyncClient, accept: str, chosen: str) -> None:
    answer = await http.post(served.url, json={"query": "{ hello }"}, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{chosen}; charset=utf-8")


@pytest.mark.parametrize("accept", ["text/html", "application/xml, application/json;q=0"])
async def test_what_the_client_cannot_read_is_not_sent(served: Served, http: httpx.AsyncClient, accept: str) -> None:
    answer = await http.post(served.url, json={"query": "{ hello }"}, headers={"accept": accept})
    assert (answer.status_code, code(answer)) == (406, "BAD_REQUEST")


@pytest.mark.parametrize(
    "accept",
    [
        JSON,
        "*/*",
        "",
        f"{JSON}, text/plain, */*",
        "text/html,application/xml;q=0.9,*/*;q=0.8",
        "text/event-stream;q=0, */*",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stream_is_only_for_those_who_name_it(
    served: Served, http: httpx.AsyncClient, method: str, accept: str
) -> None:
    parameters = {"query": "subscription { ticks }"}
    asked = {"params": parameters} if method == "GET" else {"json": parameters}
    answer = await http.request(method, served.url, headers={"accept": accept}, **asked)  # type: ignore[arg-type]
    assert (answer.status_code, code(answer)) == (406, "BAD_REQUEST")
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILED"),
        ("fragment A on Query { hello }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: Int!) { typed(number: $a) }", "BAD_USER_INPUT"),
    ],
)
@pytest.mark.parametrize(("accept", "status"), [(RESPONSE, 400), (JSON, 200)])
async def test_a_request_error_has_its_status_and_no_data(
    served: Served, http: httpx.AsyncClient, query: str, expected: str, accept: str, status: int
) -> None:
    answer = await http.post(served.url, json={"query": query}, headers={"accept": accept})
    assert (answer.status_code, code(answer), "data" in answer.json()) == (status, expected, False)


async def test_a_result_with_errors_is_still_a_result(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json={"query": "{ refused brokenWhole }"}, headers={"accept": RESPONSE})
    assert (answer.status_code, answer.json()["data"]) == (200, None)


async def test_a_query_can_be_in_the_address(served: Served, http: httpx.AsyncClient) -> None:
    parameters = {"query": "query ($n: String!) { hello(name: $n) }", "variables": json.dumps({"n": "Ada & Bob"})}
    answer = await http.get(served.url, params=parameters)
    assert answer.json() == {"data": {"hello": "Hello Ada & Bob"}}


async def test_a_mutation_cannot_be_in_the_address(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.get(served.url, params={"query": "mutation { add(a: 1, b: 1) }"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused(served: Served, http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, served.url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "text/plain, application/json",
        "application/json; charset=latin-1",
    ],
)
async def test_what_a_form_of_another_site_can_send_is_refused(
    served: Served, http: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await http.post(served.url, content=b'{"query":"{ hello }"}', headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"query"', b"\xff", b"[" * 100_000, b'{"query":"{ hello }","variables":[]}', b"{}"],
)
async def test_a_malformed_body_is_refused(served: Served, http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post(served.url, content=body, headers={"content-type": JSON})
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_a_batch_is_refused_in_words(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json=[{"query": "{ hello }"}])
    assert answer.json()["errors"][0]["message"] == "Batches are not supported; send one operation per request."


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_over_the_limit_is_refused_before_it_is_read(told: bool) -> None:
    async with serving(max_request_bytes=1000) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        length = b"content-length: 1000000000" if told else b"transfer-encoding: chunked"
        writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" + length + b"\r\n\r\n")
        if not told:
            writer.write(b"7D0\r\n" + b"x" * 2000 + b"\r\n")
        async with asyncio.timeout(5):
            assert (await reader.readline())[:12] == b"HTTP/1.1 413"
        writer.close()


async def test_an_operation_that_takes_too_long_is_stopped(http: httpx.AsyncClient) -> None:
    async with serving(operation_timeout=0.05) as served:
        answer = await http.post(served.url, json={"query": "{ stuck }"})
        await within(5, served.witness.finished)
        assert (answer.status_code, code(answer), served.witness.running) == (504, "TIMED_OUT", 0)


async def leave(served: Served, query: str) -> None:
    """Asks, and leaves when it has begun."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    body = json.dumps({"query": query}).encode()
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    await within(5, served.witness.started)
    writer.close()


async def test_a_query_is_cancelled_when_its_client_leaves() -> None:
    async with serving() as served:
        await leave(served, "{ stuck }")
        await within(5, served.witness.finished)
        assert served.witness.running == 0


async def test_a_mutation_goes_on_when_its_client_leaves() -> None:
    """What it stores, others have to be told; only its time can run out."""
    async with serving(operation_timeout=1.5) as served:
        await leave(served, "mutation { stuck }")
        await asyncio.sleep(0.5)
        assert served.witness.running == 1
        await within(5, served.witness.finished)
        assert served.witness.running == 0


async def test_one_connection_serves_many_requests(served: Served) -> None:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as client:
        answers = [(await client.post(served.url, json={"query": "{ hello }"})).status_code for _ in range(20)]
        assert answers == [200] * 20


async def test_a_failing_authentication_is_an_incident(http: httpx.AsyncClient) -> None:
    async def broken(_: str | None) -> Any:
        raise OSError("no route to the identity provider")

    async with serving(authenticate=broken) as served:
        answer = await http.post(served.url, json={"query": "{ hello }"})
        assert (answer.status_code, code(answer), "identity" in answer.text) == (500, "INTERNAL", False)


async def test_nothing_new_starts_while_the_server_goes_away(http: httpx.AsyncClient) -> None:
    async with serving() as served:
        await served.endpoint.shutdown()
        answer = await http.post(served.url, json={"query": "{ hello }"})
        assert (answer.status_code, code(answer)) == (503, "SERVICE_UNAVAILABLE")


async def test_every_request_has_a_context_of_its_own(http: httpx.AsyncClient) -> None:
    async with serving() as served:
        await asyncio.gather(*(http.post(served.url, json={"query": "{ hello }"}) for _ in range(5)))
        await until(lambda: len(served.witness.contexts) == 5)
        assert len({id(context) for context in served.witness.contexts}) == 5


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none", None])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "navigate"])
@pytest.mark.parametrize("query", ["{ hello }", "subscription { count }"])
async def test_a_page_of_another_site_cannot_have_an_image_ask(
    served: Served, http: httpx.AsyncClient, site: str | None, mode: str, query: str
) -> None:
    headers = {"accept": "image/png, text/event-stream;q=0.8, */*;q=0.5", "sec-fetch-mode": mode}
    headers |= {"sec-fetch-site": site} if site else {}
    answer = await http.get(served.url, params={"query": query}, headers=headers)
    refused = mode == "no-cors" and site in {"cross-site", "same-site"}
    assert answer.status_code == (403 if refused else 200)
