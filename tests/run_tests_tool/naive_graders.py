"""Graders as people write them first: the code under test and its tests share one process. Here to be fooled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).with_name("naive")
CASES = [{"args": [7], "expected": 49}, {"args": [12], "expected": 144}]
PROGRAM_CASES = [{"stdin": "7\n", "stdout": "49\n"}, {"stdin": "12\n", "stdout": "144\n"}]


def is_fooled(grader: str, code: str, test: str, folder: Path) -> bool:
    """Whether the naive grader of one kind of tests calls this code right."""
    (folder / "cases.json").write_text(json.dumps(PROGRAM_CASES if grader == "stdio" else CASES))
    (folder / "code.py").write_text(code)
    (folder / "solution.py").write_text(code)
    (folder / "tests.py").write_text(test)
    (folder / "test_it.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *_COMMANDS[grader]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if grader != "call":
        return done.returncode == 0
    lines = done.stdout.strip().splitlines()
    return bool(lines) and lines[-1] == '{"passed": true}'


_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "test_it.py")
_COMMANDS: dict[str, tuple[str, ...]] = {
    "call": (str(SCRIPTS / "result_line.py"),),
    "check": (str(SCRIPTS / "exit_code.py"),),
    "assert": (str(SCRIPTS / "exit_code.py"),),
    "stdio": (str(SCRIPTS / "captured_output.py"),),
    "pytest": _PYTEST,
}
