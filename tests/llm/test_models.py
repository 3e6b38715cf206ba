import subprocess
import sys

import pytest

from llm.errors import ModelError, ModelErrorCode
from llm.models import Models
from llm.scripted import ScriptedModel
from llm.turns import Request
from tests.llm.reading import read, text
from tests.llm.upstream import Upstream


def test_no_name_takes_the_default() -> None:
    one, two = ScriptedModel(), ScriptedModel()
    assert Models({"one": one, "two": two}).choose() is one
    assert Models({"one": one, "two": two}, default="two").choose() is two
    assert Models({"one": one, "two": two}).choose("two") is two


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"^The model provider 'three' is not set up\. Set up: one\.$") as refused:
        Models({"one": ScriptedModel()}).choose("three")
    assert refused.value.code is ModelErrorCode.NOT_CONFIGURED
    with pytest.raises(ModelError, match=r"^No model provider is set up\.$"):
        Models({}).choose()


@pytest.mark.parametrize(
    ("url", "provider", "reason"),
    [
        (None, "openai", "The model provider 'openai' needs an API key."),
        (None, "anthropic", "The model provider 'anthropic' needs an API key."),
        ("https://host/v1", "other", "There is no model provider 'other'. Known are: openai, anthropic."),
        ("host/v1", "openai", "The model provider's URL must be like https://host/v1."),
        ("ftp://host", "openai", "The model provider's URL must be like https://host/v1."),
    ],
)
def test_a_provider_that_cannot_work_is_refused_at_once(url: str | None, provider: str, reason: str) -> None:
    with pytest.raises(ModelError) as refused:
        Models.open(url=url, provider=provider)
    assert (refused.value.code, refused.value.reason) == (ModelErrorCode.NOT_CONFIGURED, reason)


async def test_a_provider_without_any_model_says_so() -> None:
    async with Models.open(provider="anthropic", key="k") as models:
        with pytest.raises(ModelError, match="Name a model") as refused:
            await read(models, Request(()))
    assert refused.value.code is ModelErrorCode.NOT_CONFIGURED


async def test_a_scripted_address_opens_the_scripted_model() -> None:
    async with Models.open(url="scripted:?tokens=2", provider="openai") as models:
        await models.warm()
        assert text(await read(models.choose("openai"))) == "0 1 "


def test_nothing_slow_is_imported_before_the_first_use() -> None:
    code = """
import sys
from llm.models import Models
Models.open(url="http://127.0.0.1:1/v1")
print(sorted({"pydantic_ai", "openai", "anthropic", "httpx2", "pydantic"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_warming_asks_nothing(openai: Models, upstream: Upstream) -> None:
    await openai.warm()
    assert upstream.asked == []
