"""The guide to models: each of its files is read, and its query is answered."""

from pathlib import Path

import pytest

from llm.models import Models
from server import model_files
from server.settings import Settings
from tests.docs import fences
from tests.docs.conftest import Api
from tests.docs.fences import ROOT, get
from tests.server.served import Served

PAGE = "docs/guide/models.md"
FILES = [fence.name for fence in fences.of(ROOT / PAGE) if fence.language == "toml"]


@pytest.mark.parametrize("name", FILES)
async def test_a_file_of_the_guide_can_be_used(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ANTHROPIC", "OPENAI", "AZURE_OPENAI", "MISTRAL", "DEEPSEEK", "GEMINI", "OPENROUTER", "GROQ"):
        monkeypatch.setenv(f"{variable}_API_KEY", "sk-1")
    monkeypatch.setenv("TRANSOM_MODELS_ACCEPTED", "")  # so that it is put back
    key = tmp_path / "vllm"
    key.write_text("sk-1")
    file = tmp_path / "models.toml"
    file.write_text(get(PAGE, name).replace("/run/secrets/vllm", str(key)))
    catalog = model_files.read(file, silence=120)
    assert all(provider.model or provider.name == "spare" for provider in catalog.providers.values())
    async with Models.of(catalog) as models:
        models.check(None, None, {"temperature": 0.5, "max_tokens": 5})


def test_the_file_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = get(PAGE, "file").splitlines()[0]
    variable, _, value = shell.removeprefix("export ").partition("=")
    monkeypatch.setenv(variable, value)
    assert Settings().models_file == Path("/etc/transom/models.toml")


async def test_the_query_of_the_guide_is_answered(home: Served) -> None:
    found = await Api(home)(get(PAGE, "models"))
    assert [model["provider"] for model in found["models"]] in ([], ["openai"])  # the embedded one, once it has loaded
