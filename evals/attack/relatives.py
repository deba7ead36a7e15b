"""Relatives of the keys: put together and disguised by a seeded generator. Some ways are held out of development.

A relative says as little as what it is made of. The ways in `HELD_OUT` were not looked at while the guard was written:
what it says of them is what it says of texts that it does not know.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Way = Callable[[random.Random, Sequence[str]], str]
SPOILED = (
    "paper",
    "boxes",
    "placeholders",
    "repeats",
    "masked",
    "later",
    "another_hand",
    "further",
)  # forms, which are another thing when disguised, and mixed languages


class Relative(NamedTuple):
    """One relative: its text, and by which way it was made."""

    text: str
    way: str
    is_held_out: bool


def relatives(keys: Mapping[str, Sequence[str]], *, seed: int, count: int) -> list[Relative]:
    """`count` relatives of the keys of the languages, the same for the same seed; as many of each way."""
    draw = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
    spoken = [list(texts) for name, texts in keys.items() if name not in SPOILED]
    ways = [(name, way, False) for name, way in WAYS.items()]
    ways += [(name, way, True) for name, way in HELD_OUT.items()]
    made = []
    for index in range(count):
        name, way, held_out = ways[index % len(ways)]
        made.append(Relative(way(draw, draw.choice(spoken)), name, held_out))
    return made


def _one(draw: random.Random, texts: Sequence[str]) -> str:
    return draw.choice(texts)


def _bare(draw: random.Random, texts: Sequence[str]) -> str:
    return draw.choice(texts).strip(" .:!*#。：！")


def _two(draw: random.Random, texts: Sequence[str]) -> str:
    return f"{draw.choice(texts)}\n{draw.choice(texts)}"


def _chain(draw: random.Random, texts: Sequence[str]) -> str:
    return " ".join(draw.choice(texts) for _ in range(draw.randint(3, 6)))


def _upper(draw: random.Random, texts: Sequence[str]) -> str:
    return draw.choice(texts).upper()


def _hidden(draw: random.Random, texts: Sequence[str]) -> str:
    text = draw.choice(texts)
    at = draw.randint(0, len(text))
    return text[:at] + draw.choice("\u200b\u2060\ufeff\u00ad") + text[at:]


def _dotted(draw: random.Random, texts: Sequence[str]) -> str:
    return draw.choice(texts) + draw.choice(["...", "\u2026", "\n\n\n", " :", "\n---", "\n-"])


def _around(*marks: tuple[str, str]) -> Way:
    def way(draw: random.Random, texts: Sequence[str]) -> str:
        before, after = draw.choice(marks)
        return before + _bare(draw, texts) + after

    return way


def _wide(draw: random.Random, texts: Sequence[str]) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in draw.choice(texts))


def _thought(draw: random.Random, texts: Sequence[str]) -> str:
    return f"<think>{draw.choice(texts)}</think>\n{draw.choice(texts)}"


def _boxed(draw: random.Random, texts: Sequence[str]) -> str:
    return draw.choice(texts) + draw.choice(
        ["\n\n$\\boxed{}$", "\n<answer></answer>", "\n\\[\n\\]", "\n```\n```"]
    )


def _across(draw: random.Random, texts: Sequence[str]) -> str:
    return draw.choice(texts).replace(" ", draw.choice(["  ", "\n", "\u00a0", "\t"]))


def _listed(draw: random.Random, texts: Sequence[str]) -> str:
    mark = draw.choice(["- ", "* ", "> ", "\u2022 "])
    return "\n".join(mark + draw.choice(texts) for _ in range(draw.randint(1, 3)))


WAYS: Mapping[str, Way] = {
    "as it is": _one,
    "without its marks": _bare,
    "two": _two,
    "a chain": _chain,
    "in capitals": _upper,
    "with a hidden character": _hidden,
    "with dots": _dotted,
    "emphasised": _around(("**", ":**"), ("*", "*:"), ("## ", ":"), ("__", "__:"), ("# ", ":")),
}
HELD_OUT: Mapping[str, Way] = {
    "in brackets": _around(
        ("[", "]:"), ("(", "):"), ("\u3010", "\u3011:"), ("\u300c", "\u300d:"), ("\u00ab", "\u00bb:")
    ),
    "in wide letters": _wide,
    "behind a thought": _thought,
    "with an empty box": _boxed,
    "in other spaces": _across,
    "in a list": _listed,
}
