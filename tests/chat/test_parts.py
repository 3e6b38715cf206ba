"""Parts: what a model says becomes journal events, and the journal events fold into what it said."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.models import Json
from db.texts import storable
from llm import events as model
from sync import parts
from sync.parts import JournalEvent
from sync.reply_builder import Draft

TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=8)
"""With U+0000, with characters outside of the basic plane, and with halves of those."""

SAID = st.lists(
    st.one_of(
        st.builds(model.TextDelta, TEXT),
        st.builds(model.ReasoningDelta, TEXT),
        st.just(model.PartBreak()),
        st.builds(model.ToolCallDelta, st.sampled_from("ab"), TEXT),
        st.builds(model.ToolResultGiven, st.sampled_from("ab"), TEXT, TEXT, st.booleans()),
    ),
    max_size=20,
)


def drafted(said: Iterable[model.Event]) -> list[JournalEvent]:
    """The journal events of a whole reply."""
    draft = Draft()
    return [event for each in said if (event := draft.take(each)) is not None]


def folded(events: Iterable[Sequence[Any]]) -> list[Json]:
    """The parts that journal events make, by way of the journal."""
    result: list[Json] = []
    parts.fold(result, orjson.loads(orjson.dumps(list(events))))
    return result


def halves_dropped(text: str) -> str:
    """What is stored of a part's text: half a pair at its very end never becomes a character."""
    return storable(text[:-1] if text and "\ud800" <= text[-1] <= "\udbff" else text)


def naive(said: Iterable[model.Event]) -> list[tuple[str, str]]:
    """Kind and text of each part, put together without offsets and events."""
    found: list[list[str]] = [["toolCall", ""], ["toolCall", ""]]
    calls = {"a": found[0], "b": found[1]}
    broken = True
    for event in said:
        match event:
            case model.TextDelta(text) | model.ReasoningDelta(text):
                kind = "text" if isinstance(event, model.TextDelta) else "reasoning"
                if broken or found[-1][0] != kind:
                    found.append([kind, ""])
                found[-1][1] += text
                broken = False
            case model.ToolCallDelta(id, arguments):
                calls[id][1] += arguments
            case model.ToolResultGiven(_, _, content, _):
                found.append(["toolResult", content])
            case _:
                broken = True
    return [(kind, storable(text) if kind == "toolResult" else halves_dropped(text)) for kind, text in found]


@given(SAID)
def test_the_folded_journal_is_what_the_model_said(said: list[model.Event]) -> None:
    """2-66, 2-67, 2-51."""
    whole = [model.ToolCallStarted("a", "search"), model.ToolCallStarted("b", "look"), *said]
    assert [(part["kind"], part["text"]) for part in folded(drafted(whole))] == naive(said)


@given(SAID)
def test_offsets_count_utf_16_code_units_and_leave_no_gap(said: list[model.Event]) -> None:
    lengths: dict[int, int] = {}
    whole = [model.ToolCallStarted("a", "search"), model.ToolCallStarted("b", "look"), *said]
    for event in drafted(whole):
        if event[0] == "p":
            assert event[1] == len(lengths)
            lengths[event[1]] = len(event[2]["text"].encode("utf-16-le")) // 2
        else:
            assert event[2] == lengths[event[1]]
            assert event[3] != ""
            lengths[event[1]] += len(event[3].encode("utf-16-le")) // 2


@given(SAID)
def test_no_event_splits_a_surrogate_pair_or_holds_what_cannot_be_stored(said: list[model.Event]) -> None:
    whole = [model.ToolCallStarted("a", "search"), model.ToolCallStarted("b", "look"), *said]
    for event in drafted(whole):
        text = event[2]["text"] if event[0] == "p" else event[3]
        assert text.encode().decode() == text
        assert "\0" not in text


@given(st.text(min_size=1), st.integers(1, 4))
def test_text_cut_anywhere_in_utf_16_comes_out_whole(text: str, size: int) -> None:
    units = text.encode("utf-16-le")
    pieces = [
        units[start : start + 2 * size].decode("utf-16-le", "surrogatepass") for start in range(0, len(units), 2 * size)
    ]
    (part,) = folded(drafted(model.TextDelta(piece) for piece in pieces))
    assert part == {"kind": "text", "text": text.replace("\0", "\ufffd")}


def test_a_pair_that_the_model_split_is_told_as_one() -> None:
    assert drafted([model.TextDelta("a\ud83d"), model.TextDelta("\ude00b")]) == [
        ("p", 0, {"kind": "text", "text": "a"}),
        ("a", 0, 1, "😀b"),
    ]
    assert drafted(
        [model.ToolCallStarted("a", "f"), model.ToolCallDelta("a", "\ud83d"), model.ToolCallDelta("a", "\ude00")]
    ) == [
        ("p", 0, {"kind": "toolCall", "id": "a", "name": "f", "text": ""}),
        ("a", 0, 0, "😀"),
    ]


def test_half_a_pair_does_not_wander_into_another_part() -> None:
    said: list[model.Event] = [model.TextDelta("a\ud83d"), model.ReasoningDelta("\ude00b"), model.TextDelta("\ude00c")]
    assert folded(drafted(said)) == [
        {"kind": "text", "text": "a"},
        {"kind": "reasoning", "text": "\ufffdb"},
        {"kind": "text", "text": "\ufffdc"},
    ]


def test_a_call_that_is_given_at_once_has_its_arguments() -> None:
    """1-27, 2-9."""
    said: list[model.Event] = [
        model.ToolCallStarted("a", "search"),
        model.ToolCallFinished("a", '{"q": 1}'),
        model.ToolCallStarted("b", "look"),
        model.ToolCallDelta("b", "{}"),
        model.ToolCallFinished("b", "{}"),
        model.ToolResultGiven("a", "search", "none", is_error=True),
    ]
    assert folded(drafted(said)) == [
        {"kind": "toolCall", "id": "a", "name": "search", "text": '{"q": 1}'},
        {"kind": "toolCall", "id": "b", "name": "look", "text": "{}"},
        {"kind": "toolResult", "callId": "a", "name": "search", "text": "none", "isError": True},
    ]


def test_ids_and_names_that_cannot_be_stored_still_belong_together() -> None:
    said: list[model.Event] = [
        model.ToolCallStarted("a\0", "f\0"),
        model.ToolCallDelta("a\0", "{}"),
        model.ToolCallFinished("a\0", "{}"),
        model.ToolResultGiven("a\0", "f\0", "ok"),
    ]
    assert folded(drafted(said)) == [
        {"kind": "toolCall", "id": "a\ufffd", "name": "f\ufffd", "text": "{}"},
        {"kind": "toolResult", "callId": "a\ufffd", "name": "f\ufffd", "text": "ok", "isError": False},
    ]


def test_a_whole_part_is_storable_all_through() -> None:
    """4-13."""
    put = Draft().put({"kind": "data", "name": "panel", "value": {"\0": ["\ud800", 1]}})
    assert put == ("p", 0, {"kind": "data", "name": "panel", "value": {"\ufffd": ["\ufffd", 1]}})


def test_a_draft_goes_on_from_the_parts_so_far() -> None:
    draft = Draft([{"kind": "toolCall", "id": "a", "name": "f", "text": "{"}, {"kind": "text", "text": "Hé😀"}])
    assert draft.text("!") == ("a", 1, 4, "!")
    assert draft.arguments("a", "}") == ("a", 0, 1, "}")
    assert draft.result("a", "ok") == (
        "p",
        2,
        {"kind": "toolResult", "callId": "a", "name": "f", "text": "ok", "isError": False},
    )
    with pytest.raises(KeyError):
        draft.arguments("b", "{}")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_length_is_that_of_a_browser(text: str) -> None:
    assert parts.length(text) == len(text.encode("utf-16-le")) // 2


def test_the_content_is_the_text_of_the_text_parts() -> None:
    assert (
        parts.content([parts.text("One."), {"kind": "reasoning", "text": "Hm."}, parts.text("Two.")]) == "One.\n\nTwo."
    )
    assert parts.content([]) == ""


def test_every_call_without_a_result_is_closed_with_one() -> None:
    whole: list[Json] = [
        {"kind": "toolCall", "id": "a", "name": "f", "text": "{}"},
        {"kind": "toolCall", "id": "b", "name": "g", "text": "{"},
        {"kind": "toolResult", "callId": "a", "name": "f", "text": "ok", "isError": False},
    ]
    parts.close(whole, "Cancelled.")
    assert whole[3:] == [{"kind": "toolResult", "callId": "b", "name": "g", "text": "Cancelled.", "isError": True}]
    parts.close(whole, "Cancelled.")
    assert len(whole) == 4
