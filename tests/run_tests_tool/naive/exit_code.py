"""Code and test in one process: statements that run through, and a `check(f)` that returns, end with exit code 0."""

from pathlib import Path

code, tests = Path("code.py").read_text(), Path("tests.py").read_text()
scope = {"__name__": "graded"}
exec(code, scope)
exec(tests, scope)
if "check" in scope:
    scope["check"](scope["f"])
