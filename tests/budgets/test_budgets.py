"""The account of an answer, and that of a process."""

import pytest

from db.budgets import Bound, Budget, Budgets, Exhausted, current


def test_an_answer_takes_no_more_than_it_may() -> None:
    budgets, stopped = Budgets(each=100, together=250), list[str]()
    with budgets.open(copies=3, stop=lambda: stopped.append("now")) as budget:
        assert (current(), budget.left) == (budget, 33)
        budget.read(20)
        budget.write(40)
        for _ in range(2):
            with pytest.raises(Exhausted):
                budget.write(1)

        assert (budget.exhausted, budget.left, stopped) == (Bound.ANSWER, 0, ["now"])
    assert (current(), budgets.taken) == (None, 0)


def test_answers_together_take_no_more_than_the_process_has() -> None:
    budgets = Budgets(each=100, together=150)
    with budgets.open(copies=1, stop=lambda: None) as one, budgets.open(copies=1, stop=lambda: None) as other:
        one.write(100)
        assert other.left == 50
        with pytest.raises(Exhausted):
            other.read(51)

        assert (one.exhausted, other.exhausted) == (None, Bound.PROCESS)
    assert budgets.taken == 0


def test_what_comes_after_the_end_is_not_counted() -> None:
    budgets, kept = Budgets(each=100, together=100), list[Budget]()
    with budgets.open(copies=1, stop=lambda: None) as budget:
        kept.append(budget)
    with pytest.raises(Exhausted):
        kept[0].read(10)

    assert budgets.taken == 0
