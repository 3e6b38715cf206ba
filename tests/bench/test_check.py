"""The ratios that make Transom fast, with room for a machine that is busy."""

from bench import check


async def test_an_event_is_planned_encoded_once_and_pushed() -> None:
    ratios = await check.check(3)
    assert [(each.name, each.found) for each in ratios if each.found < each.least] == []
