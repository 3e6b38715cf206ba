"""How many tokens a model can read, and how many it was given, as a provider says when it refuses a conversation.

No dialect has fields for that; llama.cpp has its own, and the others have sentences.
"""

import re

_NUMBER = r"(\d{1,3}(?:[,_]\d{3})+|\d+)(?!\w|\.\d)"
_WINDOWS = [
    re.compile(pattern.replace("N", _NUMBER), re.IGNORECASE)
    for pattern in (
        r"(?:context (?:length|window|size)|prompt length|maximum model length)[^\d.]{0,40}?N",
        r"exceed context limit: \d+ \+ \d+ > N",
        r"N maximum context",
        r"> N maximum",
        r"(?:maximum (?:number of )?(?:input )?tokens|configured limit|cannot exceed|must be <=)[^\d.]{0,20}?N",
    )
]
_READ = [
    re.compile(pattern.replace("N", _NUMBER), re.IGNORECASE)
    for pattern in (
        r"\(N (?:tokens )?(?:in|of) (?:the )?(?:messages|text input|input|prompt)",
        r"(?:messages|prompt) resulted in N",
        r"request has N input tokens",
        r"(?:request|input|prompt) \((?:length )?N(?: tokens)?\)",
        r"(?:token count|prompt contains|request contains|requested(?: about)?|too long:|received)[^\d.]{0,10}?N",
        r"exceed context limit: N",
        r"Given: N",
    )
]


def window(error: object, words: str) -> int | None:
    """The tokens that the model can read at once, with what it writes; None where the provider does not say it."""
    return _member(error, "n_ctx") or _first(_WINDOWS, words)


def read(error: object, words: str) -> int | None:
    """The tokens of the conversation as the provider counts them; None where it does not say it."""
    return _member(error, "n_prompt_tokens") or _first(_READ, words)


def _member(error: object, name: str) -> int | None:
    value = error.get(name) if isinstance(error, dict) else None
    return value if isinstance(value, int) and value > 0 else None


def _first(patterns: list[re.Pattern[str]], words: str) -> int | None:
    found = (pattern.search(words) for pattern in patterns)
    numbers = (int(re.sub("[,_]", "", match[1])) for match in found if match is not None)
    return next((number for number in numbers if number > 0), None)
