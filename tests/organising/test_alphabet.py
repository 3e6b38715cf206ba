"""Names in many languages: in the order of an alphabet, and found however they were typed."""

import unicodedata

import pytest

from chat.conversation import messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import templates
from chat.library.templates import Outline
from chat.scope import Scope
from db.listing import Filter, SessionOrder, place
from db.page import Span

ALPHABET = [
    "100",
    "Aarhus",
    "Ærø",
    "Äpfel",
    "Apple",
    "apple",
    "éclair",
    "élan",
    "Elan vital",
    "Łódź",
    "lye",
    "Öl",
    "Orange",
    "Straße",
    "Strasse 2",
    "Zebra",
    "Ω",
    "ёлка",
    "жук",
]


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


async def titles(scope: Scope, where: Filter) -> list[str | None]:
    page = await sessions.page(scope, Span(100), where, SessionOrder.TITLE)
    return [seen.title for seen in page.page.rows]


async def create(scope: Scope, *names: str) -> None:
    for name in names:
        await sessions.create(scope, NewSession(title=name))


async def test_titles_are_in_the_order_of_an_alphabet(scope: Scope) -> None:
    await create(scope, *ALPHABET[::-1])
    assert await titles(scope, Filter()) == ALPHABET


@pytest.mark.parametrize("backward", [False, True])
async def test_pages_of_titles_leave_nothing_out_where_titles_are_alike(scope: Scope, backward: bool) -> None:
    alike = ["Öl", "öl", "ol", "OL", "Ol", "o\u0308l", "ÖL", "ol", "Öl", "Olé"]
    await create(scope, *alike)
    seen: list[str | None] = []
    span: Span[object] = Span(3, backward=backward)
    while True:
        page = (await sessions.page(scope, span, Filter(), SessionOrder.TITLE)).page  # type: ignore[arg-type]
        rows = list(page.rows)
        seen = [row.title for row in rows] + seen if backward else seen + [row.title for row in rows]
        if not (page.has_previous if backward else page.has_next):
            break
        at = place(SessionOrder.TITLE, rows[0] if backward else rows[-1])
        span = Span(3, before=at, backward=True) if backward else Span(3, after=at)
    assert sorted(map(str, seen)) == sorted(unicodedata.normalize("NFC", each) for each in alike)
    assert seen == await titles(scope, Filter())


@pytest.mark.parametrize("typed", ["élan", "ÉLAN", "lan Vi"])
async def test_a_title_is_found_however_its_accents_are_typed(scope: Scope, typed: str) -> None:
    await create(scope, decomposed("Élan vital"))
    await create(scope, "Élan vital", "Elan")
    for form in ("NFC", "NFD"):
        found = await titles(scope, Filter(title=unicodedata.normalize(form, typed)))
        assert found == ["Élan vital", "Élan vital"]


async def test_a_title_is_found_whatever_its_case_in_any_language(scope: Scope) -> None:
    await create(scope, "Große Öfen", "ΌΔΟΣ", "Ёлка")
    assert await titles(scope, Filter(title="GROSSE öF")) == ["Große Öfen"]
    assert await titles(scope, Filter(title="όδος")) == ["ΌΔΟΣ"]
    assert await titles(scope, Filter(title="ёЛКА")) == ["Ёлка"]


async def test_a_tag_is_the_same_however_its_accents_are_typed(scope: Scope) -> None:
    session = (await sessions.create(scope, NewSession(title="One")))[0].id
    await sessions.edit(scope, session, personal=Personal(tags=["élan", decomposed("élan"), "Öl"]))
    for form in ("NFC", "NFD"):
        assert await titles(scope, Filter(tags=(unicodedata.normalize(form, "élan"),))) == ["One"]
    await sessions.edit(scope, session, personal=Personal(fewer_tags=[decomposed("élan")]))
    assert await titles(scope, Filter(tags=("élan",))) == []
    assert await titles(scope, Filter(tags=("Öl",))) == ["One"]


async def test_first_words_are_found_and_the_message_stays_as_it_was_typed(scope: Scope) -> None:
    said = await messages.send(scope, NewSession(), decomposed("Über Öl"))
    assert await titles(scope, Filter(title="über öl")) == ["Über Öl"]
    assert said.message.content == decomposed("Über Öl")


async def test_templates_are_in_the_order_of_an_alphabet(scope: Scope) -> None:
    for name in ("Zebra", "Öl", "apple", decomposed("Äpfel"), "Orange"):
        await templates.create(scope, Outline(name=name))
    assert [each.name for each in await templates.everything(scope)] == ["Äpfel", "apple", "Öl", "Orange", "Zebra"]
