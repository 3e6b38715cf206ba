"""A real language model, served as it is in production."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from llm.errors import ModelError, ModelErrorCode
from llm.events import Finished, TextDelta
from llm.models import Models
from llm.turns import Request, Text, Turn
from tests.llm.reading import read, text


@pytest.fixture
async def models(local_model: str) -> AsyncGenerator[Models]:
    async with Models.open(url=local_model) as models:
        yield models


def ask(question: str, **parameters: object) -> Request:
    return Request(
        (Turn("user", (Text(question),)),), "You are a helpful assistant.", None, {"temperature": 0, **parameters}
    )


async def test_it_answers_token_by_token(models: Models) -> None:
    events = await read(models, ask("What is the capital of France?", max_tokens=16))
    deltas = [event for event in events if isinstance(event, TextDelta)]
    finished = events[-1]
    assert "Paris" in text(events)
    assert isinstance(finished, Finished)
    assert (finished.usage.input_tokens or 0) > 0
    assert len(deltas) <= (finished.usage.output_tokens or 0) <= 16
    assert len(deltas) > 3


async def test_a_limit_of_tokens_is_kept_and_told(models: Models) -> None:
    finished = (await read(models, ask("Tell a long story.", max_tokens=5)))[-1]
    assert isinstance(finished, Finished)
    assert (finished.usage.output_tokens, finished.finish_reason) == (5, "length")


async def test_two_answer_at_once(models: Models) -> None:
    replies = await asyncio.gather(*(read(models, ask(f"Count to {n}.", max_tokens=8)) for n in (3, 4)))
    assert all(text(reply) for reply in replies)


async def test_a_conversation_beyond_its_memory_is_too_long(models: Models) -> None:
    with pytest.raises(ModelError) as failed:
        await read(models, ask("word " * 2000))
    assert failed.value.code is ModelErrorCode.TOO_LONG


async def test_a_stopped_reply_frees_its_place(models: Models) -> None:
    for _ in range(4):  # More than the server has places for.
        async with aclosing(models.choose().stream(ask("Tell a very long story.", max_tokens=400))) as events:
            await anext(events)
    assert text(await read(models, ask("Say hello.", max_tokens=8)))


async def test_it_keeps_to_a_schema(models: Models) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 40, "maximum": 49}}}
    whole = schema | {"required": ["n"], "additionalProperties": False}
    format = {"type": "json_schema", "json_schema": {"name": "number", "schema": whole}}
    value = json.loads(text(await read(models, ask("Say a number.", max_tokens=60, response_format=format))))
    assert list(value) == ["n"]
    assert 40 <= value["n"] <= 49
