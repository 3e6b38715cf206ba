"""Cursors of the sync scopes: opaque, and read back exactly."""

import base64
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat import validation
from chat.refusals import InvalidInput
from sync.cursors import Cursor, NoCursor, ScopeKind

CURSORS = st.builds(
    Cursor, st.sampled_from(ScopeKind), st.uuids(), st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1)
)


@given(CURSORS)
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


@given(CURSORS)
def test_a_cursor_is_safe_in_an_address(cursor: Cursor) -> None:
    text = str(cursor)
    assert len(text) == 39
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(CURSORS, CURSORS)
def test_two_cursors_are_written_alike_only_if_they_are_the_same(one: Cursor, other: Cursor) -> None:
    assert (str(one) == str(other)) is (one == other)


@given(st.text(st.characters(exclude_categories=())))
@example("")
@example("AAAA")
@example("é")
@example("\ud800")
@example("=" * 40)
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidInput, match="`after` is no sync cursor") as refused:
        validation.cursor("after", text)

    assert refused.value.field == "after"


@given(CURSORS, st.data())
def test_a_cursor_that_was_cut_or_extended_is_none(cursor: Cursor, data: st.DataObject) -> None:
    text = str(cursor)
    cut = data.draw(st.integers(0, len(text) - 1))
    for changed in (text[:cut], text + "A", text + "AAAA", f"{text[:cut]}!{text[cut:]}", f"{text[:cut]}\n{text[cut:]}"):
        with pytest.raises(NoCursor):
            Cursor.parse(changed)


@pytest.mark.parametrize("kind", [0, 3, 255])
def test_a_cursor_of_an_unknown_kind_is_none(kind: int) -> None:
    packed = bytes([kind]) + UUID(int=1).bytes + (1).to_bytes(4) + (1).to_bytes(8)
    with pytest.raises(NoCursor):
        Cursor.parse(base64.urlsafe_b64encode(packed).decode().rstrip("="))
