"""Calls in one process: the last line of stdout says whether all results were equal to the expected ones."""

import json

with open("cases.json") as file:
    cases = json.load(file)
scope = {"__name__": "graded"}
with open("code.py") as file:
    exec(file.read(), scope)
passed = 0
for case in cases:
    if scope["f"](*case["args"]) == case["expected"]:
        passed += 1
print(json.dumps({"passed": passed == len(cases)}))
