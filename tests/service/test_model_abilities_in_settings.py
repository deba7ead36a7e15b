"""What a model server can do is said in the settings where the server does not list it."""

from __future__ import annotations

import pytest

from api.settings import from_environment
from judge_agent.errors import InvalidRequest


@pytest.mark.parametrize(("written", "read"), [("true", True), ("1", True), ("false", False), ("", None)])
@pytest.mark.parametrize("ability", ["images", "tools"])
def test_an_ability_is_said_denied_or_left_to_the_server(
    ability: str, written: str, read: bool | None
) -> None:
    settings = from_environment({f"JUDGE_MODEL_{ability.upper()}": written})
    assert getattr(settings, f"model_{ability}") is read


@pytest.mark.parametrize("variable", ["JUDGE_MODEL_IMAGES", "JUDGE_MODEL_TOOLS"])
def test_what_is_neither_yes_nor_no_is_refused_by_name(variable: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        from_environment({variable: "some"})
    assert refused.value.field == variable
