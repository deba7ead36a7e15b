"""The program of the box: reads texts and checks from its input, and prints one outcome for each check.

A check that breaks is told as undecided; a package that the box lacks is told with the check that needs it.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from tools.text_checks.in_box import structures
from tools.text_checks.in_box.counting import COUNTS, EACH
from tools.text_checks.in_box.forms import FORMS
from tools.text_checks.in_box.outcomes import MAX_TOLD_CHARS, Check, Outcome, in_range, of_counts, resolved
from tools.text_checks.in_box.structures import Missing, Unreadable
from tools.text_checks.in_box.units import visible


def main() -> None:
    asked = json.loads(sys.stdin.buffer.read())
    written = {name: _HALF_PAIR.sub("\ufffd", text) for name, text in asked["texts"].items()}
    shown = {name: visible(text) for name, text in written.items()}
    found = [_checked(shown[check["of"]], written[check["of"]], check) for check in asked["checks"]]
    sys.stdout.write(json.dumps({"outcomes": found}))


_HALF_PAIR = re.compile("[\ud800-\udfff]")  # no character: neither UTF-8 nor RE2 takes it


def _checked(text: str, written: str, check: Check) -> dict[str, str]:
    missing = ""
    try:
        # What is hidden in a text counts as its characters, and as nothing else.
        shown = written if check["check"] in ("characters", "ascii") else text
        outcome = resolved(_outcome(shown, check), check)
    except Missing as error:
        missing, outcome = str(error), Outcome("undecided", f"the box lacks {error}")
    except Unreadable as error:
        outcome = Outcome("undecided", str(error))
    except RecursionError:
        outcome = Outcome("undecided", "the text is nested too deeply")
    return {"verdict": outcome.verdict, "told": outcome.told[:MAX_TOLD_CHARS], "missing": missing}


def _outcome(text: str, check: Check) -> Outcome:
    kind: Any = check["check"]
    if kind in EACH:
        unit, counted = EACH[kind]
        return of_counts(counted(text), check, unit)
    if kind in FORMS:
        return FORMS[kind](text, check)
    if kind in _STRUCTURED:
        return _STRUCTURED[kind](text, check)
    count = structures.count_matches(text, check) if kind == "pattern_matches" else COUNTS[kind](text, check)
    verdict = in_range(count, check)
    return Outcome(verdict, f"{kind}: {count}", verdict == "undecided")


_STRUCTURED = {
    "matches": structures.matches,
    "full_match": structures.full_match,
    "json": structures.is_json,
    "json_schema": structures.fits_schema,
    "language": structures.in_language,
}
