"""Places: text between text, for ever."""

from hypothesis import given
from hypothesis import strategies as st

from chat.library.ordering import LONGEST, between, room

PLACES = st.text("0123456789abcdef", min_size=1, max_size=40).map(lambda text: text + "1")


def test_there_is_always_a_place_between_two() -> None:
    low, high = "7f", "80"
    for _ in range(200):
        middle = between(low, high)
        assert low < middle < high
        low, high = (middle, high) if len(middle) % 2 else (low, middle)
    assert "" < between("", "00001") < "00001"
    assert between("ffff", None) > "ffff"
    assert between("", None) == "8"


@given(st.sets(PLACES, min_size=2, max_size=2))
def test_it_is_between_whatever_two_there_are(two: set[str]) -> None:
    low, high = sorted(two)
    assert low < between(low, high) < high
    assert "" < between("", low) < low
    assert between(high, None) > high


def test_places_at_the_ends_do_not_grow() -> None:
    last = first = between("", None)
    for _ in range(10_000):
        last, behind = between(last, None), last
        first, before = between("", first), first
        assert behind < last
        assert first < before
    assert len(last) <= 8
    assert len(first) <= 8


@given(st.sets(PLACES, min_size=1, max_size=30), st.data())
def test_room_is_made_for_the_fewest_and_keeps_the_order(given_: set[str], data: st.DataObject) -> None:
    places = sorted(given_)
    at = data.draw(st.integers(0, len(places)))
    place, others = room(places, at)
    moved = dict(others)
    assert moved.keys() <= set(range(len(places)))
    now = [moved.get(index, each) for index, each in enumerate(places)]
    now.insert(at, place)
    assert now == sorted(set(now))
    assert now[0] > ""
    assert max(map(len, [place, *moved.values()])) <= LONGEST // 2


def test_only_the_crowd_moves() -> None:
    crowd = ["8" * length for length in range(100, 108)]
    places = ["1", "2", "3", *crowd, "a", "b", "c"]
    place, others = room(places, 5)
    assert [index for index, _ in others] == [3, 4, 5, 6]
    assert "3" < others[0][1] < others[1][1] < place < others[2][1] < others[3][1] < places[7]


def test_room_is_made_where_two_have_the_same_place() -> None:
    place, others = room(["5", "5", "5"], 1)
    assert [index for index, _ in others] == [0, 1]
    assert "" < others[0][1] < place < others[1][1] < "5"
