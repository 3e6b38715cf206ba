"""What is read of JSON, and of the strings of documents."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports import halves
from transports.encoding import DEEPEST, decode, encode
from transports.errors import Refused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@given(JSON)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"cut \ud83d"', "cut \ufffd"),
        (r'"\ud83d\ud83d\ude00\ude00"', "\ufffd😀\ufffd"),
        (r'[{"\ud83d": ["\uDE00"]}]', [{"\ufffd": ["\ufffd"]}]),
        (r'"\u0000"', "\0"),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616),
        ("-9223372036854775809", -9223372036854775809),
        ('{"a": [9007199254740993, -9223372036854775808]}', {"a": [9007199254740993, -9223372036854775808]}),
        ("1" + "0" * 3_999, 10**3_999),
        ("1" + "0" * 100_000, math.inf),
        ("-1" + "0" * 100_000, -math.inf),
        ("1e400", math.inf),
        ("[-1e400]", [-math.inf]),
        ("1e-400", 0.0),
        ("1E2", 100.0),
        ("-0", 0),
        ("0.12345678901234567890123456789", 0.12345678901234568),
        ("0.00000000000000000000000001", 1e-26),
        ("12345678901234567890e5", 12345678901234567890e5),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('\ufeff{"a": 1}', {"a": 1}),
        (' \r\n\t{"a" : 1}\n ', {"a": 1}),
        ('"' + "7" * 40 + '"', "7" * 40),
        (f'["{"7" * 40}", "[[["]', ["7" * 40, "[[["]),
    ],
)
def test_what_the_grammar_of_json_allows_is_read(text: str, value: Any) -> None:
    found = decode(text)
    assert found == value
    assert type(found) is type(value)


def test_arrays_and_objects_are_read_200_levels_deep() -> None:
    assert decode(nested(DEEPEST)) == orjson.loads(nested(DEEPEST))
    assert decode('{"a":' * DEEPEST + "1" + "}" * DEEPEST) == orjson.loads('{"a":' * DEEPEST + "1" + "}" * DEEPEST)


@pytest.mark.parametrize("text", [nested(201), nested(1_100), nested(100_000), '{"a":' * 201 + "1" + "}" * 201])
def test_what_is_nested_deeper_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused, match=r"^The request's JSON is nested more than 200 levels deep\.$"):
        decode(text)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert decode(f"[{','.join(['[[]]'] * 1_000)}]") == [[[]]] * 1_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it goes wrong at character 1"),
        ("{", "it goes wrong at character 2"),
        ('{"a": 1,}', "it goes wrong at character 8"),
        ("[01]", "it goes wrong at character 3"),
        ("\u00a0{}", "it goes wrong at character 1"),
        ('"\t"', "it goes wrong at character 2"),
        (r'"\ud83"', "it goes wrong at character 3"),
        ("[" * 100_000, None),
        ("{} {}", "it goes wrong at character 4"),
        ("NaN", "JSON has no NaN"),
        ('{"a": [-Infinity]}', "JSON has no -Infinity"),
        (b'"\xff"', "it is not UTF-8, at byte 2"),
        (b'"\xed\xa0\xbd"', "it is not UTF-8, at byte 2"),
    ],
)
def test_what_is_not_json_is_refused_in_words(text: str | bytes, why: str | None) -> None:
    with pytest.raises(Refused) as refused:
        decode(text)
    assert refused.value.code == "BAD_REQUEST"
    assert why is None or str(refused.value) == f"The request is not valid JSON: {why}."


@pytest.mark.parametrize(
    ("document", "mended"),
    [
        (r'{ a(b: "cut \ud83d") }', r'{ a(b: "cut \ufffd") }'),
        (r'{ a(b: "\ud83d\uDE00 \uDE00\uD83D") }', r'{ a(b: "\ud83d\uDE00 \ufffd\ufffd") }'),
        (r'{ a(b: "\u{D83D} \u{00dfff} \u{1F600}") }', r'{ a(b: "\u{fffd} \u{00fffd} \u{1F600}") }'),
        (r'{ a(b: "\\ud83d \" \\\ud83d") }', r'{ a(b: "\\ud83d \" \\\ufffd") }'),
        (r'{ a(b: """\ud83d "" \""" \ud83d""", c: "\ud83d") }', r'{ a(b: """\ud83d "" \""" \ud83d""", c: "\ufffd") }'),
        ('# "\\ud83d\n{ a(b: "\\ud83d") }', '# "\\ud83d\n{ a(b: "\\ufffd") }'),
    ],
)
def test_half_a_pair_in_a_string_of_a_document_is_replaced(document: str, mended: str) -> None:
    assert halves.mended(document) == mended
    assert halves.mended(mended) == mended
