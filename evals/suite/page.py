"""A report as one HTML page: no script, no request to anywhere, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from evals.suite.summary import Figures, Summary, interval_of, number, percent

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
div { overflow-x: auto } table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .2rem .7rem; text-align: left; white-space: nowrap } td.text { white-space: normal }
th { border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd } tr.all td { font-weight: 600 }
.figures td, .figures th { text-align: right } .figures :is(td, th):first-child { text-align: left }
.figures { font-variant-numeric: tabular-nums } svg { display: block } h2 { margin: 2rem 0 0 } .facts { color: #666 }
"""
_HEAD = ("items", "right", "wrong", "tie", "none", "accuracy", "95% interval", "")


def page(summaries: Sequence[Summary], facts: Mapping[str, str]) -> str:
    """One self-contained page: what it was measured with, all sets, then each by category and what it cost."""
    told = " &middot; ".join(f"{escape(name)}: {escape(value)}" for name, value in facts.items())
    parts = "\n".join(_section(one) for one in summaries)
    if len(summaries) > 1:
        parts = _figures("set", [(_name(one), one.total) for one in summaries]) + parts
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>judge-agent: evaluation</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<style>{_STYLE}</style></head><body><h1>Evaluation</h1>\n"
        f'<p class="facts">{told}</p>\n{parts}\n</body></html>\n'
    )


def _section(one: Summary) -> str:
    given = "the request holds it" if one.is_given else "reference-free"
    others = "".join(
        f'<tr>{_cells([name])}<td class="text">{escape(value)}</td></tr>' for name, value in _others(one)
    )
    return (
        f"<h2>{escape(_name(one))}</h2>\n<p>Label by {escape(one.decided_by)}; {given}. "
        f"{one.total.items} of {one.asked} items judged.</p>\n"
        f"{_figures('category', [*one.categories.items()], one.total)}<div><table>{others}</table></div>"
    )


def _name(one: Summary) -> str:
    return f"{one.set} by {one.recipe}, {'with' if one.with_tools else 'without'} tools"


def _figures(first: str, rows: Sequence[tuple[str, Figures]], total: Figures | None = None) -> str:
    """A table of figures; `total` stands above the others."""
    above = f'<tr class="all">{_row("all", total)}</tr>\n' if total else ""
    lines = "".join(f"<tr>{_row(name, found)}</tr>\n" for name, found in rows)
    head = f"<tr>{_cells((first, *_HEAD), 'th')}</tr>\n"
    return f'<div><table class="figures">{head}{above}{lines}</table></div>\n'


def _row(name: str, found: Figures) -> str:
    texts = (
        name,
        *map(str, (found.items, found.right, found.wrong, found.tie, found.none)),
        percent(found.accuracy),
        interval_of(found),
    )
    return f"{_cells(texts)}<td>{_bar(found)}</td>"


def _bar(found: Figures) -> str:
    """The accuracy as a bar of 200 by 12 pixels, its interval as a line on it."""
    if found.accuracy is None or found.low is None or found.high is None:
        return ""
    return (
        '<svg width="200" height="12" aria-hidden="true"><rect width="200" height="12" fill="#eee"/>'
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
