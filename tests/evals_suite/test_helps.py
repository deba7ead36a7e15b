"""Every command of `python -m evals` says what it takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from evals.__main__ import parser


def commands(of: argparse.ArgumentParser, name: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield name
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, inner in action.choices.items():
                yield from commands(inner, (*name, verb))


COMMANDS = list(commands(parser()))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_text(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*command, "--help"])
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: python -m evals{''.join(f' {one}' for one in command)}")


def test_two_runs_are_compared_and_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert ("compare",) in COMMANDS
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["compare", "one"])
    assert ended.value.code == 2
    assert "required: B" in capsys.readouterr().err
