"""Programs in one process: each runs with stdin and stdout replaced; what it printed must be what was expected."""

import io
import json
import sys

with open("cases.json") as file:
    cases = json.load(file)
with open("code.py") as file:
    program = file.read()
shown = sys.stdout
for case in cases:
    expected = case["stdout"]
    sys.stdin, sys.stdout = io.StringIO(case["stdin"]), io.StringIO()
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    printed, sys.stdout = sys.stdout.getvalue(), shown
    if printed.strip() != expected.strip():
        print("wrong")
        sys.exit(1)
print("right")
