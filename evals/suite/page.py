"""A report as one HTML page: no script, no request to anywhere, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from evals.suite.summary import Figures, Summary, interval_of, number, percent

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { padding: .2rem .7rem; text-align: left }
th { border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd } td.bar { min-width: 12rem }
svg { display: block } h2 { margin: 2rem 0 0 } .facts { color: #666 }
"""
_HEAD = ("category", "items", "right", "wrong", "tie", "none", "accuracy", "95% interval", "")


def page(summaries: Sequence[Summary], facts: Mapping[str, str]) -> str:
    """One self-contained page: what it was measured with, then each set by category and what it cost."""
    told = " &middot; ".join(f"{escape(name)}: {escape(value)}" for name, value in facts.items())
    parts = "\n".join(_section(one) for one in summaries)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>judge-agent: evaluation</title>\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<style>{_STYLE}</style></head><body><h1>Evaluation</h1>\n"
        f'<p class="facts">{told}</p>\n{parts}\n</body></html>\n'
    )


def _section(one: Summary) -> str:
    given = "the request holds it" if one.is_given else "reference-free"
    heading = f"{one.set} by {one.recipe}, {'with' if one.with_tools else 'without'} tools"
    rows = [("all", one.total), *one.categories.items()]
    return (
        f"<h2>{escape(heading)}</h2>\n<p>Label by {escape(one.decided_by)}; {given}. "
        f"{one.total.items} of {one.asked} items judged.</p>\n"
        f"<table><tr>{_cells(_HEAD, 'th')}</tr>\n{''.join(_row(name, found) for name, found in rows)}</table>\n"
        f"<table>{''.join(f'<tr>{_cells(pair)}</tr>' for pair in _others(one))}</table>"
    )


def _row(name: str, found: Figures) -> str:
    texts = (
        name,
        *map(str, (found.items, found.right, found.wrong, found.tie, found.none)),
        percent(found.accuracy),
        interval_of(found),
    )
    return f'<tr>{_cells(texts)}<td class="bar">{_bar(found)}</td></tr>\n'


def _bar(found: Figures) -> str:
    """The accuracy as a bar of 200 by 12 pixels, its interval as a line on it."""
    if found.accuracy is None or found.low is None or found.high is None:
        return ""
    return (
        '<svg width="200" height="12" role="img"><rect width="200" height="12" fill="#eee"/>'
        f'<rect width="{200 * found.accuracy:.0f}" height="12" fill="#4a7"/>'
        f'<line x1="{200 * found.low:.0f}" x2="{200 * found.high:.0f}" y1="6" y2="6" stroke="#222"/></svg>'
    )


def _others(one: Summary) -> Iterable[tuple[str, str]]:
    evidence, bias = one.by_evidence, one.length_bias
    yield (
        "what tools alone tell",
        f"{evidence.decided} items, {percent(evidence.precision)} of them rightly; "
        f"coverage {percent(evidence.coverage)}",
    )
    yield "principles and steps decided by evidence", percent(one.evidence_share)
    yield "candidates unscored", f"{percent(one.unscored_share)} {_counts(one.candidate_failures)}"
    yield "principles not scored", _counts(one.principle_failures) or "none"
    yield "orders agree", percent(one.order_consistency)
    if one.f1_of_first_errors is not None:
        yield "F1 of first errors", percent(one.f1_of_first_errors)
    if bias is not None:
        yield (
            "length bias",
            f"{bias.bias:+.1%}: prefers the longer in {percent(bias.prefers_longer)} of {bias.pairs} pairs, "
            f"which is the better in {percent(bias.better_is_longer)}",
        )
    yield (
        "expected calibration error",
        "n/a" if one.calibration_error is None else f"{one.calibration_error:.3f}",
    )
    yield "model calls, each judgment", f"{number(one.calls_each)} ({one.useless_calls} useless in all)"
    yield (
        "tokens, each judgment",
        f"{number(one.prompt_tokens_each)} in, {number(one.completion_tokens_each)} out",
    )
    yield "seconds, each judgment", f"{number(one.judge_seconds_each)} ({one.wall_seconds:.0f} in all)"
    yield "crashed, stuck", f"{one.crashed}, {one.stuck}"


def _counts(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))


def _cells(texts: Sequence[str], tag: str = "td") -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
