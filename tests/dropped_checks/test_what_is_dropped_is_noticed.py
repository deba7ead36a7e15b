"""A check of a citation, a swap of an order or a gate that is dropped from the source makes a named test fail.

`dropped.toml` holds each as one replacement, with the test that must fail. They are made in a copy of the checkout.
`make mutation` does the like with mutants that nobody picked.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = (
    "judge_agent",
    "tools",
    "sandboxes",
    "prompts",
    "api",
    "evals",
    "tests",
    "pyproject.toml",
    "README.md",
)
TABLE = tomllib.loads(Path(__file__).with_name("dropped.toml").read_text("utf-8"))
DROPPED = {f"{theme}.{name}": entry for theme, entries in TABLE.items() for name, entry in entries.items()}
TEST_SECONDS = 600
FAILED, PASSED = 1, 0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, whose source may be changed."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture
def source(checkout: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The checkout without what an entry drops; it is there again afterwards."""
    entry = DROPPED[request.param]
    file = checkout / entry["file"]
    whole = file.read_text("utf-8")
    file.write_text(whole.replace(entry["old"], entry["new"]), "utf-8")
    yield checkout
    file.write_text(whole, "utf-8")


def outcome_of(checkout: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy in a process of their own, up to the first that fails."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "anyio", *tests.split()],
        cwd=checkout,
        # What was compiled before a change of the same length in the same second would be taken for it.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=TEST_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("name", DROPPED)
def test_each_entry_drops_one_place_of_the_source_and_names_tests_that_are_there(name: str) -> None:
    entry = DROPPED[name]
    source = (ROOT / entry["file"]).read_text("utf-8")
    assert source.count(entry["old"]) == 1, f"{entry['old']!r} must stand once in {entry['file']}"
    compile(source.replace(entry["old"], entry["new"]), entry["file"], "exec")
    for test in entry["test"].split():
        path, _, function = test.partition("::")
        assert (ROOT / path).exists()
        assert not function or re.search(
            rf"^(async )?def {function}\(", (ROOT / path).read_text("utf-8"), re.M
        )


@pytest.mark.slow
def test_with_everything_in_its_place_the_named_tests_pass(checkout: Path) -> None:
    tests = sorted({test for entry in DROPPED.values() for test in entry["test"].split()})
    ran = outcome_of(checkout, " ".join(tests))
    assert ran.returncode == PASSED, ran.stdout[-3000:] + ran.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "name"), [(name, name) for name in DROPPED], indirect=["source"], ids=DROPPED
)
def test_the_named_test_fails_where_it_is_dropped(source: Path, name: str) -> None:
    ran = outcome_of(source, DROPPED[name]["test"])
    assert ran.returncode == FAILED, f"nothing noticed it\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
    assert re.search(r"^FAILED tests/", ran.stdout, re.MULTILINE), ran.stdout[-3000:]
