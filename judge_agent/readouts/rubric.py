"""Readouts `rubric` and `profile`: typed items to judge by, and the differences of two responses that they come from.

OpenRubrics (2510.07743) tells hard rules from principles, OpenRS (2602.14069) fatal items from core, important and
highlight ones; CDRRM (2603.08035) draws its items from a contrast in which every difference is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.json_object import read_object
from judge_agent.same_words import same_words
from judge_agent.seams.model import Choice

MIN_ITEM_CHARS = 12
MAX_ITEM_CHARS = 600
MIN_QUOTE_CHARS = 12
_SPACE = re.compile(r"\s+")
_NOTHING = frozenset({"", "-", "none", "n/a", "nothing"})


class RubricItem(NamedTuple):
    """What responses are held to. `kind` is the recipe's; `weight` counts beside that of the kind."""

    kind: str
    text: str
    weight: float = 1.0


class Difference(NamedTuple):
    """One thing in which responses differ, with the words of each that show it; a response may have no words for it."""

    dimension: str
    said: str
    quotes: Mapping[str, str]


def read_rubric(
    answer: Choice, kinds: Mapping[str, str], most: int, differences: int = 0
) -> tuple[RubricItem, ...]:
    """Return the items of `{"items": [{"text": ..., "kind": ...}]}`; of two that say the same, the first.

    `kinds` maps what is returned to what is written. With `differences` each item names the number of the one that it
    comes from, in `difference`. Raises ModelError('model_unparseable') for no item or more than `most`, a kind off the
    menu, an item that is too short or too long, and one that rests on no difference that there is.
    """
    listed = _listed(answer, "items")
    items = [_item(one, kinds, differences) for one in listed]
    kept: list[RubricItem] = []
    for item in items:
        if not any(same_words(item.text, other.text) for other in kept):
            kept.append(item)
    if len(kept) > most:
        raise unparseable(f"the rubric has {len(kept)} items that differ, {most} at most")
    return tuple(kept)


def read_profile(answer: Choice, texts: Mapping[str, str], most: int) -> tuple[Difference, ...]:
    """Return the differences whose quotes stand in the responses; the others are struck.

    The form is `{"differences": [{"dimension": ..., "said": ..., "quotes": {slot: words}}]}`. `texts` is what was
    shown of each slot. Raises ModelError('model_unparseable') for another form, none at all or more than `most`, and
    where no quote stands: a contrast without evidence is none.
    """
    listed = _listed(answer, "differences")
    if len(listed) > most:
        raise unparseable(f"the profile has {len(listed)} differences, {most} at most")
    found = [_difference(one, texts) for one in listed]
    standing = tuple(one for one in found if _stands(one, texts))
    if not standing:
        raise unparseable("no difference has a quote that stands, word for word, in a response")
    return standing


def _listed(answer: Choice, key: str) -> list[Any]:
    listed = read_object(answer, verdict=(key,)).get(key)
    if not isinstance(listed, list) or not listed:
        raise unparseable(f"{key!r} is no list that holds something")
    return listed


def _item(one: object, kinds: Mapping[str, str], differences: int) -> RubricItem:
    if not isinstance(one, Mapping):
        raise unparseable(f"an item is no object: {str(one)[:40]!r}")
    kind = next((kind for kind, written in kinds.items() if written == one.get("kind")), None)
    if kind is None:
        raise unparseable(f"kind={one.get('kind')!r:.40} is not one of {sorted(kinds.values())}")
    text = _words(one.get("text"), "text")
    if not MIN_ITEM_CHARS <= len(text) <= MAX_ITEM_CHARS:
        raise unparseable(f"an item has {len(text)} characters, {MIN_ITEM_CHARS} to {MAX_ITEM_CHARS} are due")
    number = one.get("difference")
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if differences and not (is_whole and 1 <= int(number or 0) <= differences):
        raise unparseable(f"difference={number!r:.20} is none of the {differences} that were found")
    return RubricItem(kind, text)


def _difference(one: object, texts: Mapping[str, str]) -> Difference:
    quotes = one.get("quotes") if isinstance(one, Mapping) else None
    if not isinstance(one, Mapping) or not isinstance(quotes, Mapping) or set(quotes) != set(texts):
        raise unparseable(f"a difference does not quote exactly the responses {sorted(texts)}")
    said = {slot: _words(quote, "quote", may_be_empty=True) for slot, quote in quotes.items()}
    return Difference(_words(one.get("dimension"), "dimension"), _words(one.get("said"), "said"), said)


def _stands(difference: Difference, texts: Mapping[str, str]) -> bool:
    """Every quote that is given stands in its response, and there is one."""
    given = {slot: quote for slot, quote in difference.quotes.items() if quote.casefold() not in _NOTHING}
    return bool(given) and all(
        len(quote) >= MIN_QUOTE_CHARS and quote in _SPACE.sub(" ", texts[slot])
        for slot, quote in given.items()
    )


def _words(value: object, name: str, *, may_be_empty: bool = False) -> str:
    text = _SPACE.sub(" ", value).strip() if isinstance(value, str) else None
    if text is None or not (text or may_be_empty):
        raise unparseable(f"{name!r} holds no words: {str(value)[:40]!r}")
    return text
