"""Without its trainer an adapter says what to install, and nothing else breaks."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

ADAPTERS = {
    "verifiers": ("verifiers", "pip install 'verifiers>=0.4,<0.5'"),
    "skyrl_gym": ("skyrl_gym", "pip install 'skyrl-gym>=0.4,<0.5'"),
    "openenv": ("openenv", "pip install 'openenv>=0.10,<0.11'"),
    "inspect": ("inspect_ai", "pip install 'inspect-ai>=0.3.285,<0.4'"),
}


@pytest.mark.parametrize(("name", "needs"), ADAPTERS.items())
def test_an_adapter_without_its_trainer_names_the_install_command(name: str, needs: tuple[str, str]) -> None:
    package, command = needs
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed here")
    with pytest.raises(ImportError, match=command.replace("(", r"\(")):
        importlib.import_module(f"judge_agent.trainers.{name}")


def test_without_verifiers_its_judge_is_not_public() -> None:
    import judge_agent

    if importlib.util.find_spec("verifiers") is not None:
        pytest.skip("verifiers is installed here")
    assert list(judge_agent.__all__) == ["AsyncJudgeClient", "JudgeClient", "__version__"]
    with pytest.raises(ImportError, match="pip install"):
        judge_agent.ServiceJudge  # noqa: B018
