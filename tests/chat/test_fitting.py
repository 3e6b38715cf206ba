"""Which part of a conversation is told in short."""

from hypothesis import given
from hypothesis import strategies as st

from chat.runs import fitting
from db.models import MessageRole
from db.outlines import Outlined

USER, ASSISTANT = MessageRole.USER, MessageRole.ASSISTANT


def outline(*weights: int, first: int = 0) -> list[Outlined]:
    """Questions and answers of these weights in turn."""
    roles = (USER, ASSISTANT)
    return [Outlined(first + place, roles[place % 2], weight, True, False) for place, weight in enumerate(weights)]


def through(said: list[Outlined], room: float, *, beside: int = 0, at_once: float = 1e9) -> int | None:
    """See `fitting.through`."""
    return fitting.through(said, room, beside=beside, at_once=at_once)


def test_what_fits_is_told_whole() -> None:
    assert through(outline(10, 10, 10), 30) is None
    assert through([], 0) is None


def test_half_of_the_room_is_kept_and_begins_with_a_question() -> None:
    assert through(outline(10, 10, 10, 10, 10), 49) == 3
    assert through(outline(10, 10, 10, 10, 10), 49.9, beside=-12) is None
    assert through(outline(10, 10, 10, 10, 10, 10, 10), 69) == 3


def test_the_last_question_is_kept_whatever_it_weighs() -> None:
    assert through(outline(10, 10, 500), 100) == 1
    assert through(outline(500), 100) is None
    assert through(outline(10, 10, 500, 10), 100) == 1


def test_no_more_is_put_in_short_than_can_be_read_at_once() -> None:
    assert through(outline(*[10] * 101), 100, at_once=45) == 3
    assert through(outline(80, *[10] * 100), 100, at_once=45) == 0


def test_what_lasts_is_told_besides() -> None:
    said = [Outlined(0, MessageRole.SYSTEM, 40, True, True), *outline(10, 10, 10, 10, 10, first=1)]
    assert through(said, 100) is None
    assert through(said, 80) == 4
    assert through(said[:1], 10) is None


def test_what_is_being_written_is_kept_with_all_that_follows_it() -> None:
    said = outline(10, 10, 10, 10, 10)
    said[1] = said[1]._replace(is_finished=False)
    assert through(said, 30) == 0
    said[0] = said[0]._replace(is_finished=False)
    assert through(said, 30) is None


def test_nothing_is_put_in_short_that_says_nothing() -> None:
    assert through(outline(0, 0, 500), 100) is None


MESSAGES = st.lists(
    st.tuples(st.sampled_from([USER, ASSISTANT, MessageRole.TOOL]), st.integers(0, 50), st.booleans()), max_size=30
)


@given(MESSAGES, st.integers(0, 400), st.integers(0, 60), st.integers(1, 200))
def test_conversations_get_shorter_until_they_fit_or_nothing_is_left(
    messages: list[tuple[MessageRole, int, bool]], room: int, beside: int, at_once: int
) -> None:
    said = [Outlined(depth, role, weight, True, lasts) for depth, (role, weight, lasts) in enumerate(messages)]
    questions = [each.depth for each in said if each.role is USER and not each.lasts]
    while (depth := through(said, room, beside=beside, at_once=at_once)) is not None:
        beside += sum(each.weight for each in said if each.depth <= depth and each.lasts)
        said = [each for each in said if each.depth > depth]
        assert not questions or depth < questions[-1]
    left = [each for each in said if not each.lasts]
    fits = beside + sum(each.weight for each in said) <= room
    kept = fitting._kept(left, (room - beside - sum(each.weight for each in said if each.lasts)) / 2) if left else 0
    assert fits or not any(each.weight for each in left[:kept])
