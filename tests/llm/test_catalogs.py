"""Who is meant by what an agent names."""

import pytest

from llm.catalogs import Catalog, Choice, Offer, Provider
from llm.models import Models

ROUTER = Provider("router", url="http://127.0.0.1:1/v1", model="auto", offers=(Offer("openai/gpt-5", 400_000),))
LOCAL = Provider("local", url="http://127.0.0.1:1/v1", model="small", offers=(Offer("small", 8_192), Offer("big")))
SEVERAL = Catalog({"router": ROUTER, "local": LOCAL}, Choice("router"), prefixes=True)


@pytest.mark.parametrize(
    ("provider", "model", "meant"),
    [
        (None, None, Choice("router")),
        (None, "auto", Choice("router", "auto")),
        (None, "local/big", Choice("local", "big")),
        (None, "local/", Choice("router", "local/")),
        (None, "/big", Choice("router", "/big")),
        (None, "openai/gpt-5", Choice("router", "openai/gpt-5")),
        (None, "router/openai/gpt-5", Choice("router", "openai/gpt-5")),
        ("router", "local/big", Choice("router", "local/big")),
        ("router", None, Choice("router")),
        ("gone", "m", Choice("gone", "m")),
    ],
)
def test_the_part_before_the_first_slash_is_a_provider_if_it_is_one(
    provider: str | None, model: str | None, meant: Choice
) -> None:
    assert SEVERAL.choice(provider, model) == meant


def test_what_the_list_says_to_write_means_that_model() -> None:
    for choice in (Choice("router", "openai/gpt-5"), Choice("router", "local/x"), Choice("local", "big")):
        assert SEVERAL.choice(None, SEVERAL.id(choice)) == choice


def test_one_provider_alone_has_its_own_names_with_slashes() -> None:
    alone = Catalog.of(Provider("openai", url="http://127.0.0.1:1/v1"))
    assert alone.choice(None, "openai/gpt-5") == Choice("openai", "openai/gpt-5")
    assert alone.id(Choice("openai", "openai/gpt-5")) == "openai/gpt-5"


def test_a_named_default_model_answers_where_none_is_named() -> None:
    catalog = Catalog(SEVERAL.providers, Choice("local", "big"), prefixes=True)
    assert catalog.choice(None, None) == Choice("local", "big")
    assert catalog.choice(None, "small") == Choice("local", "small")


@pytest.mark.parametrize(
    ("provider", "model", "window"),
    [
        ("local", "small", 8_192),
        ("local", None, 8_192),
        (None, "local/small", 8_192),
        (None, "openai/gpt-5", 400_000),
        ("local", "big", None),
        ("local", "other", None),
        (None, None, None),
        ("gone", "small", None),
    ],
)
def test_the_window_is_that_of_the_configuration(provider: str | None, model: str | None, window: int | None) -> None:
    assert Models.of(SEVERAL).window(provider, model) == window


def test_no_model_at_all_has_no_window() -> None:
    assert Models({}).window(None, None) is None


def test_secrets_do_not_show() -> None:
    provider = Provider("p", url="http://127.0.0.1:1", key="sk-hush", headers={"x": "hush"}, proxy="http://u:hush@p:1")
    assert "hush" not in repr(Catalog.of(provider))
