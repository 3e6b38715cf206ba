"""How large things may be, and what can be stored at all."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import validation
from chat.refusals import InvalidInput
from db import texts

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""With lone surrogates and U+0000."""


@given(ANY_TEXT)
def test_what_is_storable_is_utf_8_without_nul(value: str) -> None:
    stored = texts.storable(value)
    assert "\0" not in stored
    assert stored.encode().decode() == stored
    assert texts.storable(stored) == stored


@given(st.text())
def test_ordinary_text_is_stored_as_it_is(value: str) -> None:
    assert texts.storable(value) == value.replace("\0", "\ufffd")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("x\ude00", "x\ufffd"),
        ("\ud83dA", "\ufffdA"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("😀", "😀"),
    ],
)
def test_what_cannot_be_stored_is_replaced(value: str, stored: str) -> None:
    assert texts.storable(value) == stored


@given(
    st.recursive(ANY_TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner))
)
def test_json_is_storable_all_through(value: object) -> None:
    written = repr(texts.storable_json(value))
    assert "\\x00" not in written
    assert "\\ud8" not in written


def test_a_message_has_at_most_200_000_characters() -> None:
    """1-60."""
    assert validation.text("text", "é" * 200_000) == "é" * 200_000
    with pytest.raises(InvalidInput) as refused:
        validation.text("text", "é" * 200_001)
    assert (refused.value.field, refused.value.reason) == (
        "text",
        "A message has at most 200,000 characters; this one has 200,001.",
    )


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u00a0\u3000"])
def test_a_message_is_not_blank(blank: str) -> None:
    """3-24."""
    with pytest.raises(InvalidInput):
        validation.text("text", blank)


def test_a_message_keeps_its_white_space() -> None:
    assert validation.text("text", "  a\n\n b ") == "  a\n\n b "


@pytest.mark.parametrize("blank", ["", " \t", "x" * 256])
def test_an_external_id_has_between_1_and_255_characters(blank: str) -> None:
    assert validation.external_id("externalId", " x ") == " x "
    with pytest.raises(InvalidInput):
        validation.external_id("externalId", blank)


def test_no_metadata_is_an_empty_object() -> None:
    assert validation.metadata("metadata", None) == {}


@pytest.mark.parametrize("value", [[], "text", 1, [{"a": 1}]])
def test_metadata_is_an_object(value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        validation.metadata("metadata", value)
    assert refused.value.field == "metadata"


@pytest.mark.parametrize("value", [{"a": "\0"}, {"\0": 1}, {"a": ["\\\0"]}, {"a": "\ud800"}, {"a": 2**64}])
def test_metadata_that_cannot_be_stored_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        validation.metadata("metadata", value)


@pytest.mark.parametrize("value", [{"a": "\\u0000"}, {"pattern": "[^\\\\u0000-\\\\u007f]"}, {"\\u0000": 1}])
def test_a_backslash_in_metadata_is_not_taken_for_the_character_nul(value: object) -> None:
    assert validation.metadata("metadata", value) == value


def test_numbers_that_json_does_not_have_become_null() -> None:
    assert validation.metadata("metadata", {"a": math.inf, "b": math.nan, "c": 1.5}) == {"a": None, "b": None, "c": 1.5}


def test_metadata_has_at_most_64_kibibytes() -> None:
    room = validation.METADATA - len(orjson.dumps({"a": ""}))
    assert validation.metadata("metadata", {"a": "x" * room}) == {"a": "x" * room}
    with pytest.raises(InvalidInput):
        validation.metadata("metadata", {"a": "x" * (room + 1)})
