import pytest

from llm import parameters
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
