"""A provider that is not there yet is waited for; one that began a reply is never asked twice."""

import asyncio
import socket

import pytest

from llm import provider
from llm.errors import ModelError, ModelErrorCode
from llm.models import Models
from tests.llm.reading import HI, read, text
from tests.llm.test_openai import chunk, hello
from tests.llm.upstream import Exchange, Upstream, listening


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until the HTTP client has met a closed port twice."""
    async with asyncio.timeout(30):
        while caplog.text.count("No connection to") < 2:  # noqa: ASYNC110  # A log has no event.
            await asyncio.sleep(0.01)


async def test_a_server_that_starts_late_still_answers(free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "transom.models")
    late = Upstream(port=free_port, answer=hello)
    async with Models.open(url=late.url) as models:
        reply = asyncio.create_task(read(models))
        await until_refused(caplog)
        assert not reply.done()
        async with listening(late):
            assert text(await reply) == "Hello"


async def test_a_server_that_is_loading_is_asked_again(upstream: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        if len(upstream.asked) < 3:
            await exchange.refuse(503, {"error": {"message": "Loading model", "type": "unavailable_error"}})
        else:
            await hello(exchange)

    upstream.answer = answer
    async with Models.open(url=upstream.url) as models:
        assert text(await read(models)) == "Hello"
    assert len(upstream.asked) == 3


async def test_patience_ends(free_port: int) -> None:
    async with Models.open(url=f"http://127.0.0.1:{free_port}/v1", grace=0.25) as models:
        await models.warm()
        began = asyncio.get_running_loop().time()
        with pytest.raises(ModelError, match=r"^The model provider cannot be reached\.") as failed:
            await read(models)
        took = asyncio.get_running_loop().time() - began
    assert failed.value.code is ModelErrorCode.UNREACHABLE
    assert 0.1 <= took < 2


async def test_a_connection_that_died_while_idle_is_replaced(upstream: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        if len(upstream.asked) == 2:
            exchange.cut()
        else:
            await hello(exchange)

    upstream.answer = answer
    async with Models.open(url=upstream.url) as models:
        assert [text(await read(models)) for _ in range(2)] == ["Hello", "Hello"]
    assert len(upstream.asked) == 3


async def test_a_reply_that_began_is_not_asked_for_again(upstream: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(chunk({"content": "Hel"}))
        await exchange.event({"error": {"message": "Overloaded", "type": "service_unavailable"}})
        await exchange.end()

    upstream.answer = answer
    async with Models.open(url=upstream.url) as models:
        with pytest.raises(ModelError) as failed:
            await read(models)
    assert failed.value.code is ModelErrorCode.PROVIDER_FAILED
    assert len(upstream.asked) == 1


async def test_waiting_for_a_server_can_be_cancelled(free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "transom.models")
    async with Models.open(url=f"http://127.0.0.1:{free_port}/v1") as models:
        reply = asyncio.create_task(read(models))
        await until_refused(caplog)
        reply.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reply


async def test_a_proxy_is_not_asked_for_this_machine(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    upstream.answer = hello
    async with Models.open(url=upstream.url, grace=0) as models:
        assert text(await read(models, HI)) == "Hello"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:80/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:80/v1", True),
        ("https://host/v1", False),
        (None, False),
    ],
)
def test_only_a_server_on_this_machine_may_take_long_to_load(url: str | None, local: bool) -> None:
    assert provider.is_local(url) is local
