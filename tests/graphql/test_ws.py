import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLError
from websockets.exceptions import InvalidStatus

from server.origins import Origins
from tests.graphql.served import Person, Served, serving, socket, until, within
from transports.pulse import Pulse


def next_(id_: str, **data: object) -> dict[str, object]:
    return {"id": id_, "type": "next", "payload": {"data": data}}


def complete(id_: str) -> dict[str, str]:
    return {"id": id_, "type": "complete"}


async def test_a_subscription_streams_its_results_and_completes(served: Served) -> None:
    async with socket(served) as client:
        await client.subscribe("1", "subscription { count(to: 2) }")
        assert [await client.receive() for _ in range(3)] == [next_("1", count=1), next_("1", count=2), complete("1")]


async def test_queries_and_mutations_run_over_the_socket_too(served: Served) -> None:
    async with socket(served) as client:
        await client.subscribe("q", "query ($n: String!) { hello(name: $n) }", variables={"n": "Ada"})
        assert [await client.receive() for _ in range(2)] == [next_("q", hello="Hello Ada"), complete("q")]
        await client.subscribe("m", "mutation A { add(a: 1, b: 2) } query B { hello }", operationName="A")
        assert [await client.receive() for _ in range(2)] == [next_("m", add=3), complete("m")]


async def test_many_operations_run_at_once_each_in_order(served: Served) -> None:
    async with socket(served) as client:
        for number in range(50):
            await client.subscribe(str(number), "subscription { count(to: 20) }")
        seen: dict[str, list[int]] = {str(number): [] for number in range(50)}
        completed = 0
        while completed < 50:
            frame = await client.receive()
            if frame["type"] == "complete":
                completed += 1
            else:
                seen[frame["id"]].append(frame["payload"]["data"]["count"])
        assert all(numbers == list(range(1, 21)) for numbers in seen.values())


async def test_the_context_knows_who_asks_and_from_which_window(served: Served) -> None:
    async with socket(served, init={"Authorization": "Bearer ada", "client": "window 2"}) as client:
        await client.subscribe("1", "{ viewer }")
        assert await client.receive() == next_("1", viewer="ada at window 2 over websocket")


@pytest.mark.parametrize(
    "init",
    [{"Authorization": "Bearer ada"}, {"authorization": "Bearer ada"}, {"headers": {"Authorization": "Bearer ada"}}],
)
async def test_the_credential_stands_where_clients_put_it(served: Served, init: dict[str, object]) -> None:
    async with socket(served, init=init) as client:
        await client.subscribe("1", "{ viewer }")
        assert await client.receive() == next_("1", viewer="ada at None over websocket")


async def test_every_operation_has_a_context_of_its_own() -> None:
    async with serving() as served, socket(served) as client:
        for id_ in "ab":
            await client.subscribe(id_, "{ hello }")
            assert [(await client.receive())["type"] for _ in range(2)] == ["next", "complete"]
        first, second = served.witness.contexts
        assert first is not second


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"ping"',
        "null",
        "7",
        "{}",
        '{"type":null}',
        '{"type":["ping"]}',
        '{"type":"unknown"}',
        '{"type":"next","id":"1","payload":{}}',
        '{"type":"connection_ack"}',
        '{"type":"ping","payload":[]}',
        '{"type":"pong","payload":"x"}',
        '{"type":"complete"}',
        '{"type":"complete","id":7}',
        '{"type":"subscribe","payload":{"query":"{hello}"}}',
        '{"type":"subscribe","id":7,"payload":{"query":"{hello}"}}',
        '{"type":"subscribe","id":"","payload":{"query":"{hello}"}}',
        '{"type":"connection_init","payload":{"x":NaN}}',
        '{"type":"complete","payload":NaN}',
    ],
)
async def test_a_malformed_message_closes_the_socket(served: Served, text: str) -> None:
    async with socket(served) as client:
        await client.connection.send(text)
        code, reason = await client.closed()
        assert (code, bool(reason)) == (4400, True)


SPOILED = {
    '{"type":"subscribe","id":"1"}': "The message 'subscribe' needs a 'payload' that is an object.",
    '{"type":"subscribe","id":"1","payload":null}': "The message 'subscribe' needs a 'payload' that is an object.",
    '{"type":"subscribe","id":"1","payload":[]}': "The message 'subscribe' needs a 'payload' that is an object.",
    '{"type":"subscribe","id":"1","payload":{}}': "The parameter 'query' is missing.",
    '{"type":"subscribe","id":"1","payload":{"query":7}}': "The parameter 'query' must be a string.",
    '{"type":"subscribe","id":"1","payload":{"query":"{hello}","variables":[]}}': (
        "The parameter 'variables' must be an object."
    ),
    '{"type":"subscribe","id":"1","payload":{"query":"{hello}","operationName":7}}': (
        "The parameter 'operationName' must be a string."
    ),
    '{"type":"subscribe","id":"1","payload":{"query":"{hello}","extensions":7}}': (
        "The parameter 'extensions' must be an object."
    ),
    '{"id":"1","type":"subscribe","payload":{"variables":{"x":NaN}}}': (
        "The request is not valid JSON: JSON has no NaN."
    ),
    '{"payload":{"id":"2","x":["}]\\"",1,]},"type":"subscribe","id":"\\u0031"}': (
        "The request is not valid JSON: it goes wrong at character 35."
    ),
    '{"id":"1","type":"subscribe","payload":{"query":"{hello}': (
        "The request is not valid JSON: it goes wrong at character 49."
    ),
    '{"id":"1","type":"subscribe","payload":{"x":' + "[" * 5000 + "]" * 5000 + "}}": (
        "The request's JSON is nested more than 200 levels deep."
    ),
}


@pytest.mark.parametrize(("text", "message"), SPOILED.items())
async def test_a_malformed_operation_is_refused_and_harms_no_other(served: Served, text: str, message: str) -> None:
    async with socket(served) as client:
        await client.connection.send(text)
        error = {"message": message, "extensions": {"code": "BAD_REQUEST"}}
        assert await client.receive() == {"id": "1", "type": "error", "payload": [error]}
        await client.subscribe("1", "{ hello }")
        assert [await client.receive() for _ in range(2)] == [next_("1", hello="Hello world"), complete("1")]


async def test_a_malformed_operation_with_the_id_of_a_running_one_closes_the_socket(served: Served) -> None:
    async with socket(served) as client:
        await client.subscribe("1", "{ stuck }")
        await client.connection.send('{"id":"1","type":"subscribe","payload":{"x":NaN}}')
        assert await client.closed() == (4409, "Subscriber for 1 already exists")


async def test_a_malformed_operation_before_the_acknowledgement_closes_the_socket(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.connection.send('{"id":"1","type":"subscribe","payload":{"x":NaN}}')
        assert await client.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize("where", ["variables", "the document", "a key", "the id"])
async def test_half_an_emoji_is_a_replacement_character_anywhere_in_a_message(served: Served, where: str) -> None:
    half, id_ = "\\ud83d", "1"
    payload = {
        "variables": '{"query":"query ($n: String!) { hello(name: $n) }","variables":{"n":"HALF"}}',
        "the document": '{"query":"{ hello(name: \\"HALF\\") }"}',
        "a key": '{"query":"{ hello(name: \\"\ufffd\\") }","HALF":["HALF",{"HALF":1}]}',
        "the id": '{"query":"{ hello(name: \\"\ufffd\\") }"}',
    }[where].replace("HALF", half)
    if where == "the id":
        id_ = half
    async with socket(served) as client:
        await client.connection.send(f'{{"id":"{id_}","type":"subscribe","payload":{payload}}}')
        seen = id_.replace(half, "\ufffd")
        assert [await client.receive() for _ in range(2)] == [next_(seen, hello="Hello \ufffd"), complete(seen)]


async def test_a_ping_is_answered_whatever_its_payload_says(served: Served) -> None:
    async with socket(served) as client:
        await client.connection.send('{"type":"ping","payload":{"half":"\\ud83d","large":18446744073709551616}}')
        pong = {"half": "\ufffd", "large": 18446744073709551616}
        assert json.loads(str(await client.connection.recv())) == {"type": "pong", "payload": pong}


async def test_an_initialisation_takes_half_an_emoji_and_u_0000(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.connection.send('{"type":"connection_init","payload":{"client":"\\ud83d a\\u0000"}}')
        assert await client.receive() == {"type": "connection_ack"}
        await client.subscribe("1", "{ viewer }")
        assert await client.receive() == next_("1", viewer="guest at \ufffd a\ufffd over websocket")


async def test_a_binary_message_closes_the_socket(served: Served) -> None:
    async with socket(served) as client:
        await client.connection.send(b'{"type":"ping"}')
        assert await client.closed() == (4400, "Messages must be text frames.")


async def test_a_malformed_initialisation_closes_the_socket(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.send({"type": "connection_init", "payload": []})
        assert await client.closed() == (4400, "The 'payload' of the message 'connection_init' must be an object.")


async def test_an_operation_over_the_limit_is_refused_and_harms_no_other() -> None:
    async with serving(max_request_bytes=1000) as served, socket(served) as client:
        await client.subscribe("1", "{ hello }", variables={"x": "é" * 500})
        frame = await client.receive()
        assert (frame["id"], frame["type"]) == ("1", "error")
        assert [error["message"] for error in frame["payload"]] == [
            "A message may have at most 1,000 bytes; this one has 1,082."
        ]
        await client.subscribe("1", "{ hello }")
        assert [await client.receive() for _ in range(2)] == [next_("1", hello="Hello world"), complete("1")]


async def test_another_message_over_the_limit_closes_the_socket() -> None:
    async with serving(max_request_bytes=1000) as served, socket(served) as client:
        await client.send({"type": "next", "payload": {"x": "x" * 1000}})
        assert await client.closed() == (1009, "A message may have at most 1,000 bytes; this one has 1,034.")


UNREAD = {"not JSON": "NaN", "too deep": "[" * 5000 + "]" * 5000, "too large": f'"{"x" * 30_000}"'}


@pytest.mark.parametrize("payload", UNREAD.values(), ids=UNREAD)
async def test_what_cannot_be_read_of_other_messages_harms_nothing(payload: str) -> None:
    async with serving(max_request_bytes=20_000) as served, socket(served) as client:
        await client.subscribe("1", "{ stuck }")
        await within(5, served.witness.started)
        for kind in ("pong", "ping"):
            await client.connection.send(f'{{"type":"{kind}","payload":{{"x":{payload}}}}}')
        assert await client.receive() == {"type": "pong"}
        await client.connection.send(f'{{"type":"complete","id":"1","payload":{payload}}}')
        await within(5, served.witness.finished)
        await client.subscribe("1", "{ hello }")
        assert [await client.receive() for _ in range(2)] == [next_("1", hello="Hello world"), complete("1")]


async def test_null_payloads_are_no_payloads(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.send({"type": "connection_init", "payload": None})
        assert await client.receive() == {"type": "connection_ack"}
        await client.send({"type": "ping", "payload": None})
        assert await client.receive() == {"type": "pong"}


async def test_pings_are_answered_before_and_after_the_acknowledgement(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.send({"type": "ping", "payload": {"at": 1}})
        assert await client.receive() == {"type": "pong", "payload": {"at": 1}}
        await client.send({"type": "pong"})
        await client.send({"type": "connection_init"})
        assert await client.receive() == {"type": "connection_ack"}
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",), ("graphql-ws", "something")])
async def test_other_protocols_are_not_spoken(served: Served, protocols: tuple[str, ...]) -> None:
    # A client library that gets none of its protocols gives up before it sees the close code.
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    offer = f"sec-websocket-protocol: {', '.join(protocols)}\r\n" if protocols else ""
    writer.write(
        b"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + offer.encode() + b"\r\n"
    )
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        frame = await reader.readexactly(4)
    writer.close()
    assert (head[:12], int.from_bytes(frame[2:])) == (b"HTTP/1.1 101", 4406)


async def test_the_protocol_is_found_among_others(served: Served) -> None:
    async with socket(served, protocols=("graphql-ws", "graphql-transport-ws")) as client:
        assert client.connection.subprotocol == "graphql-transport-ws"


async def test_nothing_runs_before_the_acknowledgement(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.subscribe("1", "{ hello }")
        assert await client.closed() == (4401, "Unauthorized")


async def test_initialising_twice_closes_the_socket(served: Served) -> None:
    async with socket(served) as client:
        await client.send({"type": "connection_init"})
        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_a_client_that_does_not_initialise_is_let_go() -> None:
    async with serving(connection_init_timeout=0.05) as served, socket(served, init=False) as client:
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_an_initialised_client_is_not_let_go() -> None:
    async with serving(connection_init_timeout=0.05) as served, socket(served) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.2)


async def test_an_invalid_token_is_forbidden(served: Served) -> None:
    async with socket(served, init=False) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": "Bearer nobody"}})
        assert await client.closed() == (4403, "The token is not valid.")


async def test_a_failing_authentication_is_an_incident() -> None:
    async def broken(_: str | None) -> Any:
        raise OSError("no route to the identity provider")

    async with serving(authenticate=broken) as served, socket(served, init=False) as client:
        await client.send({"type": "connection_init"})
        code, reason = await client.closed()
        assert (code, reason.split(" Incident ")[0]) == (1013, "Something went wrong on our side.")


async def test_an_authentication_that_cannot_be_done_just_now_is_worth_another_try() -> None:
    async def unavailable(_: str | None) -> Any:
        raise GraphQLError("The database does not answer.", extensions={"code": "SERVICE_UNAVAILABLE"})

    async with serving(authenticate=unavailable) as served, socket(served, init=False) as client:
        await client.send({"type": "connection_init"})
        assert await client.closed() == (1013, "The database does not answer.")


async def test_a_client_is_pinged_once_it_is_acknowledged_and_stays_as_long_as_it_answers() -> None:
    async with serving(ping_interval=0.05) as served, socket(served, init=False) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.2)
        await client.send({"type": "connection_init"})
        assert await client.receive() == {"type": "connection_ack"}
        for _ in range(10):
            assert await client.connection.recv() == '{"type":"ping"}'
            await client.send({"type": "pong"})


@pytest.mark.parametrize("frame", [{"type": "ping"}, {"type": "complete", "id": "none"}])
async def test_whatever_a_client_says_is_a_sign_of_life(frame: dict[str, str]) -> None:
    async with serving(ping_interval=0.05) as served, socket(served) as client:
        for _ in range(10):
            while await client.connection.recv() != '{"type":"ping"}':
                pass
            await client.send(frame)


async def test_a_client_that_answers_no_ping_is_let_go_and_may_come_back() -> None:
    async with serving(ping_interval=0.02) as served, socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        await within(5, served.witness.started)
        assert await client.closed() == (4408, "no answer to pings")
        await within(1, served.witness.finished)


async def test_pings_of_many_sockets_are_spread_over_the_interval() -> None:
    beats: list[float] = []

    class Member:
        def beat(self) -> None:
            beats.append(asyncio.get_running_loop().time())

    pulse = Pulse(0.3)
    turns = []
    for _ in range(10):
        turns.append((pulse.join(member := Member()), member))
        await asyncio.sleep(0.03)
    await until(lambda: len(beats) == 30)
    assert len({id(turn) for turn, _ in turns}) >= 5
    for turn, member in turns:
        turn.discard(member)
    count = len(beats)
    with pytest.raises(TimeoutError):
        await until(lambda: len(beats) > count, 0.5)


async def test_an_id_in_use_closes_the_socket(served: Served) -> None:
    async with socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        await client.subscribe("1", "subscription { ticks }")
        assert await client.closed() == (4409, "Subscriber for 1 already exists")


async def test_an_id_is_free_again_once_its_operation_ended(served: Served) -> None:
    async with socket(served) as client:
        for _ in range(20):
            await client.subscribe("1", "{ hello }")
            assert [await client.receive() for _ in range(2)] == [next_("1", hello="Hello world"), complete("1")]


async def test_an_id_is_free_again_once_the_client_completed_it(served: Served) -> None:
    async with socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        assert await client.receive() == next_("1", ticks=1)
        await client.send(complete("1"))
        await client.subscribe("1", "{ hello }")
        assert [await client.receive() for _ in range(2)] == [next_("1", hello="Hello world"), complete("1")]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription A { count } subscription B { count }", "OPERATION_RESOLUTION_FAILED"),
        ("subscription ($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("subscription { refused }", "FORBIDDEN"),
        ("subscription { refusedEarly }", "FORBIDDEN"),
    ],
)
async def test_an_error_of_one_operation_harms_no_other(served: Served, query: str, code: str) -> None:
    async with socket(served) as client:
        await client.subscribe("other", "subscription { ticks }")
        assert await client.receive() == next_("other", ticks=1)
        await client.subscribe("1", query)
        frame = await client.receive()
        assert (frame["id"], frame["type"]) == ("1", "error")
        assert frame["payload"][0]["extensions"]["code"] == code
        await client.subscribe("1", "{ hello }")
        assert [await client.receive() for _ in range(2)] == [next_("1", hello="Hello world"), complete("1")]


async def test_a_subscription_that_breaks_ends_with_an_incident(served: Served) -> None:
    async with socket(served) as client:
        await client.subscribe("1", "subscription { broken }")
        assert await client.receive() == next_("1", broken=1)
        frame = await client.receive()
        assert (frame["type"], frame["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")
        assert "hush" not in str(frame)


@pytest.mark.parametrize("query", ["subscription { ticks }", "{ stuck }"])
async def test_completing_an_operation_runs_its_finalisers(query: str) -> None:
    async with serving() as served, socket(served) as client:
        await client.subscribe("1", query)
        await within(5, served.witness.started)
        await client.send(complete("1"))
        await within(1, served.witness.finished)
        await client.send({"type": "ping"})
        frames = [await client.receive()]
        while frames[-1]["type"] != "pong":
            frames.append(await client.receive())
        assert complete("1") not in frames


async def test_completing_an_unknown_operation_is_fine(served: Served) -> None:
    async with socket(served) as client:
        await client.send(complete("no such"))
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize("politely", [True, False])
async def test_closing_the_socket_ends_its_operations(politely: bool) -> None:
    async with serving() as served, socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        await within(5, served.witness.started)
        if politely:
            await client.connection.close()
        else:
            client.connection.transport.abort()
        await within(1, served.witness.finished)
        assert served.witness.running == 0


async def test_an_operation_too_many_is_refused_alone() -> None:
    async with serving(max_operations_per_socket=1) as served, socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        assert await client.receive() == next_("1", ticks=1)
        await client.subscribe("2", "{ hello }")
        frame = await client.receive()
        assert (frame["id"], frame["payload"][0]["extensions"]["code"]) == ("2", "TOO_MANY_OPERATIONS")
        await client.send(complete("1"))
        await client.subscribe("2", "{ hello }")
        assert await client.receive() == next_("2", hello="Hello world")


async def test_an_operation_that_takes_too_long_is_stopped() -> None:
    async with serving(operation_timeout=0.05) as served, socket(served) as client:
        await client.subscribe("1", "{ stuck }")
        frame = await client.receive()
        assert (frame["type"], frame["payload"][0]["extensions"]["code"]) == ("error", "TIMED_OUT")


async def test_a_subscription_may_take_as_long_as_it_likes() -> None:
    async with serving(operation_timeout=0.05) as served, socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        assert await client.receive() == next_("1", ticks=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.2)


async def test_the_socket_ends_with_the_token() -> None:
    async def briefly(_: str | None) -> Person:
        return Person("ada", datetime.now(UTC) + timedelta(seconds=0.2))

    async with serving(authenticate=briefly) as served, socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        assert await client.receive() == next_("1", ticks=1)
        assert await client.closed() == (4403, "token expired")
        await within(1, served.witness.finished)


async def test_a_slow_client_slows_its_own_operations_down() -> None:
    async with serving() as served, socket(served) as client:
        client.connection.transport.pause_reading()
        await client.subscribe("1", "subscription { flood }")
        await until(lambda: served.witness.running > 0)
        seen = -1
        while seen != served.witness.running:
            seen = served.witness.running
            await asyncio.sleep(0.3)
        # What the kernel and the two transports buffer, not what the resolver could make in that time.
        assert seen * 100_000 < 16_000_000
        client.connection.transport.abort()


async def test_a_page_of_another_site_cannot_open_a_socket(served: Served) -> None:
    with pytest.raises(InvalidStatus, match="403") as refused:
        async with socket(served, origin="https://evil.example"):
            pass
    assert refused.value.response.body == b"Pages of other origins may not open sockets here.\n"


async def test_pages_of_this_origin_and_of_allowed_ones_can(served: Served) -> None:
    async with socket(served, origin=f"http://127.0.0.1:{served.port}"):
        pass
    async with (
        serving(admit=Origins(["https://app.example"], loopback=False).admit) as other,
        socket(other, origin="https://app.example"),
    ):
        pass


async def test_a_server_that_goes_away_says_so() -> None:
    async with serving() as served, socket(served) as client:
        await client.subscribe("1", "subscription { ticks }")
        assert await client.receive() == next_("1", ticks=1)
        async with asyncio.timeout(3):
            leaving = asyncio.create_task(served.endpoint.shutdown())
            assert await client.closed() == (1001, "going away")
            await leaving
        assert served.witness.running == 0
        async with socket(served, init=False) as late:
            assert await late.closed() == (1001, "going away")


async def test_an_operation_of_a_caller_who_is_known_no_more_is_refused() -> None:
    async with serving() as served, socket(served, init={"Authorization": "Bearer ada"}) as client:
        served.witness.unknown.add("ada")
        await client.subscribe("1", "subscription { count }")
        frame = await client.receive()
        assert (frame["type"], frame["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")


async def test_what_floods_a_socket_ends_quietly_when_the_server_goes_away(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served, socket(served) as client:
        await client.subscribe("1", "subscription { flood }")
        for _ in range(10):
            await client.receive()
        leaving = asyncio.create_task(served.endpoint.shutdown())
        assert await client.closed() == (1001, "going away")
        await leaving
    assert [record for record in caplog.records if record.name.startswith(("transom", "asyncio", "uvicorn"))] == []
