"""What else a model might have chosen, read from the token that begins its choice in JSON."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.readouts import at_values, by_value, choice_shares, expected
from judge_agent.seams.model import TokenLogprob

MENU = ("fail", "pass", "cannot_assess")
FIVE = ("1", "2", "3", "4", "5")
TEN = tuple(str(number) for number in range(1, 11))


def token(text: str, **shares: float) -> TokenLogprob:
    return of_pairs(text, shares.items())


def of_pairs(text: str, shares) -> TokenLogprob:
    top = tuple((piece, math.log(share)) for piece, share in shares)
    return TokenLogprob(text, dict(top).get(text, -1.0), top)


def plain(*texts: str) -> list[TokenLogprob]:
    return [TokenLogprob(text, -0.1, ((text, -0.1),)) for text in texts]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (['{"reason": "x", ', '"choice', '": "', "pass", '"}'], [["pass", '"}']]),
        (['{"choice":', ' "', "pass", '"}'], [["pass", '"}']]),
        (['{"choice', '":"', "pa", "ss", '"}'], [["pa", "ss", '"}']]),
        (['{"choice": ', '"pass"', "}"], [['pass"']]),
        (['{"choice": "pass"}'], [['pass"}']]),
        (["{", '"', "choice", '"', ":", "\n  ", '"', "4", '"', "}"], [["4", '"']]),
        (['{"reason": "he wrote \\"choice\\": \\"fail\\"", "choice": "', "pass", '"}'], [["pass", '"}']]),
        (
            ['{"p1": {"choice": "', "4", '"}, "p2": {"choice": "', "1", "0", '"}}'],
            [["4", '"}, "p2": {"choice": "'], ["1", "0", '"}}']],
        ),
        (['{"choices": "', "pass", '"}'], []),
        (['{"choice": 4}'], []),
        (['{"choice": "'], []),
        ([], []),
    ],
)
def test_the_tokens_of_the_values_are_found(texts: list[str], values: list[list[str]]) -> None:
    found = by_value(at_values(plain(*texts), "choice"))
    assert [[one.token for one in value] for value in found] == values


@given(st.lists(st.sampled_from(MENU), min_size=1, max_size=4), st.data())
def test_they_are_found_wherever_a_tokenizer_cuts(choices: list[str], data: st.DataObject) -> None:
    text = json.dumps({f"p{place}": {"choice": choice} for place, choice in enumerate(choices)})
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = by_value(at_values(plain(*pieces), "choice"))
    assert [re.split('"', "".join(one.token for one in value))[0] for value in found] == choices


def test_of_a_token_that_holds_more_the_others_count_that_begin_alike() -> None:
    pairs = [('"pass', 0.6), ('"fail', 0.2), ("pass", 0.1), (' "', 0.1)]
    found = at_values([*plain('{"choice": '), of_pairs('"pass', pairs), *plain('"}')], "choice")
    assert [piece for piece, _ in found[0].top] == ["pass", "fail"]
    assert choice_shares(found, MENU) == pytest.approx({"pass": 0.75, "fail": 0.25, "cannot_assess": 0.0})


def test_shares_are_those_of_the_labels_alone() -> None:
    found = choice_shares([of_pairs("4", [("4", 0.5), ("5", 0.2), ("3", 0.1), ("four", 0.2)])], FIVE)
    assert found == pytest.approx({"1": 0.0, "2": 0.0, "3": 0.125, "4": 0.625, "5": 0.25})


def test_the_beginning_of_a_label_is_the_label_and_one_that_closes_is_exact() -> None:
    found = choice_shares(
        [of_pairs("p", [("p", 0.4), ("pa", 0.1), ('pass"', 0.1), ("cannot", 0.2), ("f", 0.2)])], MENU
    )
    assert found == pytest.approx({"fail": 0.2, "pass": 0.6, "cannot_assess": 0.2})
    assert choice_shares([of_pairs('fail"', [('fail"', 0.5), ('fai"', 0.5)])], MENU) == {
        "fail": 1.0,
        "pass": 0.0,
        "cannot_assess": 0.0,
    }


def test_a_chosen_token_that_the_list_leaves_out_counts_too() -> None:
    chosen = TokenLogprob("2", math.log(0.1), (("5", math.log(0.9)),))
    assert choice_shares([chosen], FIVE) == pytest.approx({"1": 0, "2": 0.1, "3": 0, "4": 0, "5": 0.9})


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        (TokenLogprob("4", -0.1), FIVE),
        (of_pairs("4", [("4", 0.3), ("Well", 0.7)]), FIVE),
        (of_pairs("1", [("1", 0.6), ("2", 0.4)]), TEN),
        (of_pairs("7", [("7", 0.9), ("1", 0.1)]), TEN),
        (of_pairs("", [("", 1.0)]), FIVE),
    ],
)
def test_where_the_token_says_too_little_there_are_none(found: TokenLogprob, labels: tuple[str, ...]) -> None:
    assert choice_shares([found], labels) is None


def test_the_long_scale_is_read_where_one_and_ten_are_unlikely() -> None:
    found = choice_shares([of_pairs("7", [("7", 0.7), ("8", 0.29), ("1", 0.01)])], TEN)
    assert found is not None
    assert found["7"] == pytest.approx(0.7 / 0.99)


def test_the_next_token_tells_labels_apart_that_begin_alike() -> None:
    one = of_pairs("1", [("1", 0.5), ("7", 0.3), ("9", 0.2)])
    closing = of_pairs('"}', [('"}', 0.6), ("0", 0.2), ("5", 0.2)])
    found = choice_shares([one, closing], TEN)
    assert found is not None
    assert (found["1"], found["10"]) == (pytest.approx(0.5 * 0.75), pytest.approx(0.5 * 0.25))
    assert (found["7"], found["9"]) == (pytest.approx(0.3), pytest.approx(0.2))
    assert choice_shares([one, of_pairs('"}', [('"}', 1.0)])], TEN) == pytest.approx(
        {**dict.fromkeys(TEN, 0.0), "1": 0.5, "7": 0.3, "9": 0.2}
    )
    assert choice_shares([one, TokenLogprob("0", -0.1)], TEN) is None


def test_the_mean_is_over_the_labels_that_have_a_score() -> None:
    shares = {"fail": 0.2, "pass": 0.6, "cannot_assess": 0.2}
    assert expected(shares, {"fail": 0.0, "pass": 1.0}) == pytest.approx(0.75)
    assert expected({"cannot_assess": 1.0}, {"fail": 0.0, "pass": 1.0}) is None


@given(
    st.lists(st.floats(-30, 0), min_size=5, max_size=5).map(
        lambda given: [value - math.log(sum(map(math.exp, given))) for value in given]
    )
)
def test_shares_sum_to_one_and_the_mean_lies_on_the_scale(logprobs: list[float]) -> None:
    top = tuple(zip(FIVE, logprobs, strict=True))
    shares = choice_shares([TokenLogprob("1", logprobs[0], top)], FIVE)
    assert shares is not None
    assert math.isclose(sum(shares.values()), 1.0, abs_tol=1e-9)
    mean = expected(shares, {label: place / 4 for place, label in enumerate(FIVE)})
    assert mean is not None
    assert 0.0 <= mean <= 1.0
