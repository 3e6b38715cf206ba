"""A request for plain text is what the provider's package makes of it, byte for byte."""

from dataclasses import replace
from typing import Literal

import pytest
from pydantic_ai._special_tokens import _LITERAL_TOKEN_TAILS

from llm.requests import Requests
from llm.turns import File, Reasoning, Request, Text, ToolCall, ToolResult, Turn

TOKENS = [
    *(first + tail for first, tails in _LITERAL_TOKEN_TAILS for tail in tails),
    *("<|im_start|>", "<｜User｜>", "<|turn>", "<turn|>", "<|A-1|>", "]~b]~b]"),
]
"""What the package takes apart for models of some hosts."""


def said(*texts: str) -> Request:
    return Request(tuple(Turn(("user", "assistant")[number % 2], (Text(text),)) for number, text in enumerate(texts)))


LONG = said(*(f"{number} " * 50 for number in range(41)))
CONVERSATIONS = {
    "one": said("Hi"),
    "more": said("Hi", "Hello!", "How are you?"),
    "blank": said("", " ", " x \n\n", "\t", "\u200b\ufeff"),
    "ends with an answer": said("Hi", "Hello!"),
    "letters": said(
        'Ünï "quoted" \\ \x00\x1f\x7f 🎈 \u2028 中文 </script>', "<b>&amp;</b>", "{{x}} [link](https://a.b) [x]"
    ),
    "code": said("```html\n<div class='a'>[1, 2] < 3 > 2 | a</div>\n```", "<think>no</think>yes", "a[0]~b"),
    "two in a row": Request((Turn("user", (Text("a"),)), Turn("user", (Text("b"), Text("c"))))),
    "two texts": Request((Turn("user", (Text("a"),)), Turn("assistant", (Text("b"), Text("c"))))),
    "thoughts": Request((Turn("user", (Text("a"),)), Turn("assistant", (Reasoning("hm"), Text("b"))))),
    "an answer first": Request((Turn("assistant", (Text("Welcome"),)), Turn("user", (Text("Hi"),)))),
    "a system turn": Request((Turn("system", (Text("Be brief"),)), Turn("user", (Text("Hi"),)))),
    "nothing": Request(()),
    "a picture": Request((Turn("user", (Text("See"), File("https://a.b/c.png", "image/png", "c.png"))),)),
    "a call": Request(
        (
            Turn("user", (Text("Go"),)),
            Turn("assistant", (Text("Well"), ToolCall("c1", "look", "{}"), ToolResult("c1", "look", "seen"))),
        )
    ),
    "long": LONG,
    **{f"the token {token}": said(f"a {token} b", f"{token}", f"<{token}>") for token in TOKENS},
}


SCHEMA = {
    "type": "object",
    "properties": {"many": {"type": "number", "maximum": 1e16, "multipleOf": 0.1}},
    "required": ["many"],
    "additionalProperties": False,
}
SETTINGS: list[tuple[str | None, dict[str, object]]] = [
    (None, {}),
    ("", {"max_tokens": 9, "seed": 4, "stop": "x", "silence": 3}),
    ("Be <b>kind</b>.", {"stop": ["a", "b"], "temperature": None}),
    (f"Never say {TOKENS[0]} nor <|im_end|>.", {}),
    (None, {"response_format": {"type": "json_schema", "json_schema": {"name": "many", "schema": SCHEMA}}}),
]
"""Instructions and parameters."""


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://api.openai.com/v1", "https://api.anthropic.com"])
async def test_a_request_is_what_the_package_makes(name: str, url: str) -> None:
    provider: Literal["openai", "anthropic"] = "anthropic" if "anthropic" in url else "openai"
    requests = Requests(provider, url=url, key="secret")
    for model in ("m", "gpt-5"):
        for instructions, parameters in SETTINGS:
            requests.tells_progress = not requests.tells_progress
            request = replace(CONVERSATIONS[name], instructions=instructions, parameters=parameters)
            wanted = await requests.made(request, model)
            for _ in range(2):
                made = await requests.of(request, model)
                assert (made.method, made.url) == (wanted.method, wanted.url)
                assert made.content == wanted.content
                assert made.headers.raw == wanted.headers.raw
                assert made.extensions == wanted.extensions


async def test_plain_text_asks_the_package_once() -> None:
    requests = Requests("openai", url="http://127.0.0.1:1/v1", key=None)
    asked = []
    make = requests.made

    async def counting(request: Request, model: str) -> object:
        asked.append(request)
        return await make(request, model)

    for patterns in requests._patterns.values():
        patterns._make = counting  # type: ignore[assignment]
    for number in range(5):
        await requests.of(said("Hi", "Hello", f"And {number}?"), "m")
    assert len(asked) == 1
    await requests.of(replace(said("Hi"), parameters={"seed": 1}), "m")
    assert len(asked) == 2
