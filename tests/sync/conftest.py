"""Processes whose model answers by itself."""

import pytest

import engines
from db.database import Database
from llm.models import Models
from llm.scripted import ScriptedModel
from tests.conftest import Server

ANSWER = "It is the bar that joins the panes of a window."


@pytest.fixture
def talking(db: Database, urls: engines.Urls) -> Server:
    """For processes whose model always says `ANSWER`, word by word."""
    return Server(db, urls.redis, Models({"scripted": ScriptedModel.streaming(ANSWER)}))
