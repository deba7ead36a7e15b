"""Code and test in one process: `check(f)` that returns, or statements that run through, are a pass. So is exit code 0."""

code, tests = open("code.py").read(), open("tests.py").read()
scope = {"__name__": "graded"}
exec(code, scope)
exec(tests, scope)
if "check" in scope:
    scope["check"](scope["f"])
