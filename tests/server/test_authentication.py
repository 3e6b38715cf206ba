"""Who is let in, and as whom."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.keys import published
from tests.server.served import Served, run
from tests.server.sockets import socket
from tests.server.tokens import SECRET, token

ME = "{ viewer { id name email } }"
NEEDED = "A token is needed: send `Authorization: Bearer …`, in `connection_init` on a WebSocket."


@pytest.fixture(scope="module")
async def served(start: Start) -> AsyncIterator[Served]:
    async with start(jwt_secret=SECRET, jwt_audience="transom", jwt_issuer="https://id.test") as served:
        yield served


def accepted(subject: str | None = "ada", **claims: object) -> str:
    return token(subject, **{"aud": "transom", "iss": "https://id.test", **claims})  # type: ignore[arg-type]


REFUSED = {
    "nothing": (None, NEEDED),
    "an empty one": ("", NEEDED),
    "no token": (
        "Bearer garbage",
        "The token is not valid here: it is no JSON Web Token.",
    ),
    "three dots": ("Bearer ...", None),
    "bytes": ("Bearer \xe4.\xe4.\xe4", None),
    "another scheme": (
        "Basic YWRhOmFkYQ==",
        "The scheme 'Basic' is not known here: send `Authorization: Bearer …`.",
    ),
    "an expired one": (f"Bearer {accepted(seconds=-60)}", "The token has expired. Get a new one."),
    "another secret": (
        f"Bearer {accepted(key='another secret, which is as long as the right one')}",
        "The token is not valid here: it is not signed with a key that this server knows.",
    ),
    "another audience": (
        f"Bearer {accepted(aud='elsewhere')}",
        "The token is not valid here: it is made for another audience (`aud`) than this server.",
    ),
    "no audience": (f"Bearer {accepted(aud=None)}", "The token is not valid here: it has no `aud`."),
    "another issuer": (
        f"Bearer {accepted(iss='https://id.example')}",
        "The token is not valid here: another issuer (`iss`) has made it than the one that this server trusts.",
    ),
    "no subject": (f"Bearer {accepted(None)}", "The token is not valid here: it has no `sub`."),
    "no expiry": (f"Bearer {accepted(exp=None)}", "The token is not valid here: it has no `exp`."),
    "an endless one": (f"Bearer {accepted(exp=10**20)}", None),
    "a subject that is a number": (
        f"Bearer {accepted(sub=5)}",
        "The token is not valid here: its subject (`sub`) is no string.",
    ),
    "a subject without end": (f"Bearer {accepted('a' * 256)}", None),
    "an expiry that is no time": (f"Bearer {accepted(exp=float('inf'))}", None),
    "a subject that is blank": (f"Bearer {accepted('')}", None),
    "a subject that no text column can hold": (f"Bearer {accepted('a' + chr(0))}", None),
    "no signature": (
        f"Bearer {accepted(key=None, algorithm='none')}",
        "The token is not valid here: it is signed in a way (`alg`) that this server does not accept.",
    ),
    "one of tomorrow": (
        f"Bearer {accepted(nbf=4e9)}",
        "The token is not valid here: its time has not come yet (`nbf` or `iat`).",
    ),
    "a number for an id": (f"Bearer {accepted(jti=5)}", "The token is not valid here: its `jti` is no string."),
    "a word for a time": (f"Bearer {accepted(nbf='soon')}", None),
}


LIBRARIES = re.compile("segment|padding|claim|codec|verification|must be a|JWKS|Invalid|Payload")
"""How the libraries would say it."""


@pytest.mark.parametrize("what", REFUSED)
async def test_nobody_comes_in_with(served: Served, what: str) -> None:
    credential, reason = REFUSED[what]
    headers = {} if credential is None else {"authorization": credential.encode("latin-1")}

    async with httpx.AsyncClient() as http:
        answer = await http.post(served.graphql, json={"query": ME}, headers=headers)  # type: ignore[arg-type]
    (error,) = answer.json()["errors"]

    assert (answer.status_code, error["extensions"]) == (401, {"code": "UNAUTHENTICATED"})
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "data" not in answer.json()
    assert reason in {error["message"], None}
    assert not LIBRARIES.search(error["message"])


@pytest.mark.parametrize("what", REFUSED)
async def test_no_socket_is_opened_with(served: Served, what: str) -> None:
    credential, reason = REFUSED[what]

    async with socket(served) as client:
        await client.say(type="connection_init", payload={} if credential is None else {"Authorization": credential})
        code, said = await client.closed()

    assert code == 4403
    assert reason is None or said == reason.encode()[:123].decode(errors="ignore")


@pytest.mark.parametrize("written", ["Bearer {}", "bearer {}", "{}", "Bearer   {} "])
async def test_a_token_lets_in_however_clients_write_it(served: Served, written: str) -> None:
    async with httpx.AsyncClient(headers={"authorization": written.format(accepted()).strip()}) as http:
        answer = await http.post(served.graphql, json={"query": "{ viewer { name } }"})

    assert answer.json() == {"data": {"viewer": {"name": "ada"}}}


async def test_an_account_is_its_subject_whatever_else_the_token_says(served: Served) -> None:
    subject = uuid4().hex
    async with (
        Caller.at(served.graphql, accepted(subject, name="Ada", email="ada@id.test")) as first,
        Caller.at(served.graphql, accepted(subject, name=["Ada"], jti="2")) as second,
        Caller.at(served.graphql, accepted(subject + "x", name="Ada", email="ada@id.test")) as other,
    ):
        ids = [(await caller.get(ME))["viewer"] for caller in (first, second, other)]

    assert ids[0] == {"id": ids[0]["id"], "name": "Ada", "email": "ada@id.test"}
    assert ids[0]["id"] == ids[1]["id"] != ids[2]["id"]


@pytest.mark.parametrize("place", ["payload", "payload.headers", "header"])
async def test_a_socket_is_opened_with_a_token_from_where_clients_put_it(served: Served, place: str) -> None:
    credential = {"authorization": f"Bearer {accepted()}"}
    payload = {"payload": credential, "payload.headers": {"headers": credential}, "header": {}}[place]

    async with socket(served, **(credential if place == "header" else {})) as client:
        await client.say(type="connection_init", payload=payload)
        assert await client.hear() == {"type": "connection_ack"}
        await client.say(type="subscribe", id="1", payload={"query": "{ viewer { name } }"})
        assert (await client.hear())["payload"] == {"data": {"viewer": {"name": "ada"}}}


async def test_a_socket_ends_with_its_token(served: Served) -> None:
    began = time.time()
    async with Caller.at(served.graphql, accepted()) as ada:
        session_id = (await ada.send("Hello"))["session"]["id"]
    async with socket(served) as client:
        await client.say(type="connection_init", payload={"Authorization": accepted(seconds=2)})
        assert await client.hear() == {"type": "connection_ack"}
        await client.say(
            type="subscribe",
            id="1",
            payload={
                "query": "subscription ($id: ID!) { session(id: $id) { __typename } }",
                "variables": {"id": session_id},
            },
        )
        assert (await client.hear())["type"] == "next"

        assert await client.closed() == (4403, "token expired")

    assert 1.5 < time.time() - began < 8


async def test_a_subscription_without_a_greeting_is_refused(served: Served) -> None:
    async with socket(served) as client:
        await client.say(type="subscribe", id="1", payload={"query": ME})

        assert await client.closed() == (4401, "Unauthorized")


async def test_keys_of_an_identity_provider(start: Start) -> None:
    first, second = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    with published() as keys:
        keys.publish(first)
        async with start(jwks_url=keys.url) as served:
            assert await outcome(served, token("ada", key=first, algorithm="RS256")) == "ada"
            assert await outcome(served, token("bob", key=first, algorithm="RS256")) == "bob"
            assert keys.fetched == 1, "keys are kept"
            # Signed by another key, with another algorithm, with the public key as if it were a secret, and expired.
            assert await outcome(served, token("eve", key=second, algorithm="RS256")) == "UNAUTHENTICATED"
            assert await outcome(served, token("eve")) == "UNAUTHENTICATED"
            assert await outcome(served, token("eve", key=first, algorithm="RS256", seconds=-60)) == "UNAUTHENTICATED"


async def test_an_identity_provider_without_keys_lets_nobody_in_until_it_has_them(start: Start) -> None:
    key = rsa.generate_private_key(65537, 2048)
    bearer = token("ada", key=key, algorithm="RS256")
    with published() as keys:
        async with start(jwks_url=keys.url) as served:
            keys.away = True
            assert await outcome(served, bearer) == "UNAUTHENTICATED"
            keys.away = False
            for body in (b"", b"<html>", b"[]", b'{"keys": []}', b'{"keys": 5}', b'{"keys": [{"kty": "RSA"}]}'):
                keys.body = body
                assert await outcome(served, bearer) == "UNAUTHENTICATED", body
            keys.publish(key)
            assert await outcome(served, bearer) == "ada"


async def test_an_identity_provider_that_goes_away_is_not_missed_for_a_while(start: Start) -> None:
    key = rsa.generate_private_key(65537, 2048)
    with published() as keys:
        keys.publish(key)
        async with start(jwks_url=keys.url) as served:
            assert await outcome(served, token("ada", key=key, algorithm="RS256")) == "ada"
            keys.away = True
            assert await outcome(served, token("bob", key=key, algorithm="RS256")) == "bob"


async def test_without_settings_everybody_is_the_local_user(start: Start) -> None:
    async with (
        start() as served,
        Caller.at(served.graphql) as caller,
        Caller.at(served.graphql, "anything") as other,
    ):
        assert (await caller.get(ME)) == (await other.get(ME))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1"])
async def test_an_open_door_is_refused(tmp_path: Path, host: str) -> None:
    code, output, errors = await run("serve", "--host", host, data_dir=tmp_path / "data", port=0)

    assert (code, output) == (1, "")
    assert errors == (
        f"Error: Listening on {host} would let everybody who reaches this machine in, because no authentication is "
        "set up. Set TRANSOM_JWT_SECRET or TRANSOM_JWKS_URL, or listen on 127.0.0.1.\n"
    )
    assert not (tmp_path / "data").exists()


async def test_a_door_with_a_lock_may_be_open(start: Start) -> None:
    async with start("--host", "0.0.0.0", jwt_secret=SECRET) as served:
        assert await outcome(served, token("ada")) == "ada"


@pytest.mark.parametrize("host", ["localhost", "::1"])
async def test_other_names_of_this_machine_are_loopback(start: Start, host: str) -> None:
    async with start("--host", host) as served, Caller.at(served.graphql) as caller:
        assert (await caller.ask(ME)).status == 200


async def outcome(served: Served, bearer: str) -> str:
    """The name of who comes in with a token, or the code of the refusal."""
    async with Caller.at(served.graphql, bearer) as caller:
        answer = await caller.ask(ME)
    if answer.errors:
        assert answer.status == 401
        return str(answer.codes[0])
    return str(answer.data["viewer"]["name"])
