import pytest

from llm import parameters
from llm.catalogs import Catalog, Provider
from llm.errors import ModelError, ModelErrorCode
from llm.models import Models
from llm.turns import Request
from tests.llm.reading import read
from tests.llm.upstream import Upstream


def test_the_known_parameters_are_taken() -> None:
    parameters.check({"temperature": 0.5, "max_tokens": 10, "top_p": 1, "seed": 0, "stop": ["a", "b"]})
    parameters.check({"temperature": None, "stop": "a"})


def test_an_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(ModelError) as refused:
        parameters.check({"temprature": 1})
    assert refused.value.code is ModelErrorCode.BAD_REQUEST
    assert refused.value.reason == (
        "There is no parameter 'temprature'. "
        "Known are: temperature, max_tokens, top_p, seed, stop, silence, response_format."
    )


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("temperature", 2.1, "a number from 0 to 2"),
        ("temperature", True, "a number from 0 to 2"),
        ("temperature", float("nan"), "a number from 0 to 2"),
        ("max_tokens", 0, "a whole number above 0"),
        ("max_tokens", 1.5, "a whole number above 0"),
        ("top_p", 0, "a number above 0, up to 1"),
        ("seed", -1, "a whole number, 0 or above"),
        ("seed", "1", "a whole number, 0 or above"),
        ("stop", [1], "a text, or a list of texts"),
        ("stop", [""], "a text, or a list of texts"),
    ],
)
def test_a_value_beyond_its_limits_is_refused(name: str, value: object, limits: str) -> None:
    with pytest.raises(ModelError, match=f"^The parameter '{name}' must be {limits}\\.$"):
        parameters.check({name: value})


async def test_a_refused_parameter_reaches_no_provider(openai: Models, upstream: Upstream) -> None:
    with pytest.raises(ModelError, match="no parameter 'top_k'"):
        await read(openai, Request((), parameters={"top_k": 1}))
    assert upstream.asked == []


OPENAI = Provider("gpt", key="k")
AZURE = Provider("azure", url="https://x.openai.azure.com/openai/v1", key="k")
LOCAL = Provider("local", url="http://127.0.0.1:1/v1")
ANTHROPIC = Provider("claude", "anthropic", key="k")


@pytest.mark.parametrize(
    ("provider", "parameters", "reason"),
    [
        (ANTHROPIC, {"temperature": 1.1}, "takes a `temperature` from 0 to 1"),
        (ANTHROPIC, {"temperature": 2}, "takes a `temperature` from 0 to 1"),
        (ANTHROPIC, {"seed": 0}, "takes no `seed`"),
        (ANTHROPIC, {"stop": ["a", " \n"]}, "takes no `stop` that is only blanks"),
        (ANTHROPIC, {"stop": " "}, "takes no `stop` that is only blanks"),
        (OPENAI, {"stop": list("abcde")}, "takes up to 4 texts as `stop`"),
        (AZURE, {"stop": list("abcde")}, "takes up to 4 texts as `stop`"),
        (Provider("m", url="https://api.mistral.ai/v1", key="k"), {"seed": 1}, "takes no `seed`"),
    ],
)
async def test_what_a_dialect_does_not_take_is_refused_before_anybody_is_asked(
    provider: Provider, parameters: dict[str, object], reason: str
) -> None:
    said = f"The model provider '{provider.name}' {reason}. Change the parameter, or leave it out."
    async with Models.of(Catalog.of(provider)) as models:
        for named, model in ((None, None), (provider.name, "m")):
            with pytest.raises(ModelError) as refused:
                models.check(named, model, parameters)
            assert (refused.value.code, refused.value.reason) == (ModelErrorCode.BAD_REQUEST, said)
        with pytest.raises(ModelError) as refused:
            await anext(models.stream(Request((), model="m", parameters=parameters)))
    assert (refused.value.code, refused.value.reason) == (ModelErrorCode.BAD_REQUEST, said)


@pytest.mark.parametrize(
    ("provider", "parameters"),
    [
        (
            ANTHROPIC,
            {"temperature": 1, "top_p": 0.5, "max_tokens": 5, "stop": list("abcde"), "silence": 9, "seed": None},
        ),
        (OPENAI, {"temperature": 2, "seed": 0, "stop": [" ", "\n", "a", "b"]}),
        (OPENAI, {"stop": "abcde"}),
        (LOCAL, {"temperature": 2, "seed": 1, "stop": list("abcdefgh")}),
        (Provider("not", url="https://notopenai.com.example/v1"), {"stop": list("abcdefgh")}),
    ],
)
def test_what_a_dialect_takes_is_taken(provider: Provider, parameters: dict[str, object]) -> None:
    Models.of(Catalog.of(provider)).check(None, None, parameters)


def test_a_provider_that_is_not_there_is_told_with_those_that_are() -> None:
    models = Models.of(Catalog.of(OPENAI, LOCAL))
    with pytest.raises(ModelError) as refused:
        models.check("claude", None, {})
    assert refused.value.code is ModelErrorCode.NOT_CONFIGURED
    assert refused.value.reason == "The model provider 'claude' is not set up. Set up: gpt, local."
