"""Refusals of conversations that are too long, in the words of many providers: the window, and what was counted."""

import pytest

from llm import failures
from llm.errors import ModelErrorCode

SAID: dict[str, tuple[str, int | None, int | None]] = {
    "openai": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000"
        " tokens. Please reduce the length of the messages.",
        128000,
        130000,
    ),
    "openai2": (
        "This model's maximum context length is 4097 tokens. However, you requested 5360 tokens (1360 in"
        " the messages, 4000 in the completion). Please reduce the length of the messages or completion.",
        4097,
        1360,
    ),
    "openai3": (
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 "
        "tokens. Please reduce the length of the messages.",
        272000,
        300000,
    ),
    "vllm": (
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4800 in"
        " the messages, 200 in the completion). Please reduce",
        4096,
        4800,
    ),
    "vllm2": (
        "'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context length"
        " is 4096 tokens and your request has 2100 input tokens (4000 > 4096 - 2100).",
        4096,
        2100,
    ),
    "vllm3": (
        "The decoder prompt (length 9001) is longer than the maximum model length of 4096. Make sure "
        "that `max_model_len` is no smaller",
        4096,
        9001,
    ),
    "anthropic": (
        "prompt is too long: 208310 tokens > 200000 maximum",
        200000,
        208310,
    ),
    "anthropic2": (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input "
        "length or `max_tokens` and try again",
        200000,
        190000,
    ),
    "llama2": (
        "request (11307 tokens) exceeds the available context size (8192 tokens), try increasing it",
        8192,
        11307,
    ),
    "gemini": (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        1048576,
        1200000,
    ),
    "gemini2": (
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
        1048576,
        None,
    ),
    "mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        32768,
        40000,
    ),
    "openrouter": (
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 40010 "
        "tokens (40000 of text input, 10 in the output). Please reduce the length of either one",
        32768,
        40000,
    ),
    "xai": (
        "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
        131072,
        200000,
    ),
    "deepseek": (
        "This model's maximum context length is 65536 tokens. However, you requested 66000 tokens (58000"
        " in the messages, 8000 in the completion). Please reduce the length",
        65536,
        58000,
    ),
    "cohere": (
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.",
        4081,
        5000,
    ),
    "lmstudio": (
        "Trying to keep the first 5120 tokens when context the overflows. However, the model is loaded "
        "with context length of only 4096 tokens, which is not enough.",
        4096,
        None,
    ),
    "sglang": (
        "The input (9001 tokens) is longer than the model's context length (8192 tokens).",
        8192,
        9001,
    ),
    "bedrock": (
        "Input is too long for requested model.",
        None,
        None,
    ),
    "together": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 "
        "`inputs` tokens and 512 `max_new_tokens`",
        4097,
        5000,
    ),
}


@pytest.mark.parametrize(("words", "window", "read"), SAID.values(), ids=SAID)
def test_a_refusal_tells_what_the_model_reads_and_what_was_too_much(
    words: str, window: int | None, read: int | None
) -> None:
    error = failures.told({"error": {"message": words, "type": "invalid_request_error"}}, status=400)
    assert (error.code, error.window, error.read) == (ModelErrorCode.TOO_LONG, window, read)


def test_a_refusal_may_tell_it_in_fields() -> None:
    said = {"code": 400, "type": "exceed_context_size_error", "message": "", "n_prompt_tokens": 9000, "n_ctx": 8192}
    error = failures.told({"error": said}, status=400)
    assert (error.code, error.window, error.read) == (ModelErrorCode.TOO_LONG, 8192, 9000)


def test_a_refusal_may_tell_nothing() -> None:
    error = failures.told({"error": {"message": "Shorten it.", "code": "context_length_exceeded"}}, status=400)
    assert (error.code, error.window, error.read) == (ModelErrorCode.TOO_LONG, None, None)


@pytest.mark.parametrize("words", ["You have used 30000 tokens today.", "max_tokens must be at most 8192."])
def test_other_numbers_are_no_window(words: str) -> None:
    error = failures.told({"error": {"message": words}}, status=400)
    assert (error.code, error.window, error.read) == (ModelErrorCode.BAD_REQUEST, None, None)
