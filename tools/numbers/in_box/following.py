"""Says whether a stated answer is what the calculations before it come to.

Looks at results, not at reasons: an answer that was worked out in the head is not among them, and is not wrong for
that. Who keeps a record of calculations (`<<a op b=c>>`, as those do who have a calculator) is held to it: a last step
that is not in it was made without the calculator, and confirms nothing.
"""

from __future__ import annotations

from tools.numbers.in_box.equations import equations_in
from tools.numbers.in_box.readings import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from typing import Literal

    Verdict = Literal["equal", "different", "unsure"]


def follows(texts: Sequence[str], answer: str, most: int) -> tuple[Verdict, str]:
    """equal: it is the last result, and no calculation is wrong. different: one is wrong, or it is no result at all."""
    found = [equation for text in texts for equation in equations_in(text, most)[0]]
    stated = number_of(answer)
    if not found or stated is None:
        return "unsure", "there is no calculation, or no number as an answer"
    if any(equation.verdict == "wrong" for equation in found):
        return "different", "a calculation is wrong"
    results: list[set[Fraction | None]] = [{one.value, number_of(one.right)} for one in found]
    if stated in results[-1]:
        recorded = [result for one, result in zip(found, results, strict=True) if one.recorded]
        if recorded and not any(stated in result for result in recorded):
            return "unsure", "it is the last result, but no calculation on record"
        return "equal", "it is the last result"
    if any(stated in result for result in results):
        return "unsure", "it is a result, but not the last one"
    return "different", "it is the result of no calculation"
