"""`judge-agent audit`: verify, read and query the log.

`verify` exits with 0 intact, 1 tampered with, 2 incomplete (the end is open: a crash cut the last line off
or came before its anchor, or nothing anchors the ends), 3 wrong usage or no log. `show` and `query` exit with 0, or 3.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
from pathlib import Path
from typing import Any

from judge_agent.cli import checkout
from judge_agent.errors import InvalidRequest, StoreError
from judge_agent.log import Report, heads_in, show, verify
from judge_agent.log.account import harmless
from judge_agent.log.heads import Heads
from judge_agent.log.querying import Table, query
from judge_agent.log.shared_heads import SharedHeads
from judge_agent.store.opening import opened_store

VERIFY_EXIT_CODES = {"intact": 0, "tampered": 1, "incomplete": 2, "empty": 3}


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("audit", help="verify, read and query the log")
    about = "folder of the database and the log (JUDGE_DATA_DIR, .judge)"
    parser.add_argument("--data-dir", type=Path, help=about)
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=about)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    checks = actions.add_parser(
        "verify",
        parents=[place],
        help="check every line; exit 0 intact, 1 tampered with, 2 incomplete, 3 no log",
    )
    checks.add_argument("--json", action="store_true", help="print the report as JSON")
    account = actions.add_parser("show", parents=[place], help="tell what happened in one judgment")
    account.add_argument("id", help="the judgment's id")
    account.add_argument(
        "--reasoning", action="store_true", help="with what the judge's model thought and said"
    )
    asks = actions.add_parser(
        "query", parents=[place], help="run one SELECT over the views `events` and `contents`"
    )
    asks.add_argument("sql")
    asks.add_argument("--format", choices=("table", "json", "csv"), default="table")
    asks.add_argument("--max-rows", type=int, default=10_000, help="rows to print at most")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run one action; returns its exit code. Raises JudgeError for wrong input and unusable files."""
    database, log, url = _places(arguments.data_dir)
    if not log.is_dir():
        raise StoreError(
            f"there is no log in {str(log)!r}; say where the service keeps its data with --data-dir"
        )
    if arguments.action == "verify":
        return _verify(log, database, url, as_json=arguments.json)
    if arguments.action == "show":
        return _show(log, arguments.id, reasoning=arguments.reasoning)
    _print_table(query(log, arguments.sql, max_rows=arguments.max_rows), arguments.format)
    return 0


def _places(data_dir: Path | None) -> tuple[Path, Path, str | None]:
    """The database, the log, and the URL of a PostgreSQL in place of the former. With --data-dir this works without
    the checkout; a PostgreSQL is looked for where that folder has no database."""
    if data_dir is not None and (data_dir / "judge.db").is_file():
        return data_dir / "judge.db", data_dir / "log", None
    if data_dir is not None and not checkout.is_there():
        return data_dir / "judge.db", data_dir / "log", None
    settings = checkout.load("api.settings", "audit").from_environment(data_dir=data_dir)
    return settings.database_path, settings.log_dir, settings.database


async def _shared_heads(database: Path, log: Path, url: str) -> Heads:
    async with opened_store(database, url) as store:
        return await SharedHeads(store, log).heads()


def _verify(log: Path, database: Path, url: str | None, *, as_json: bool) -> int:
    heads: Heads | None = None
    try:
        heads = heads_in(database) if url is None else asyncio.run(_shared_heads(database, log, url))
    except StoreError as error:
        print(f"judge-agent audit: {error}", file=sys.stderr)
    report = verify(log, heads)
    print(json.dumps(_report_data(report), indent=2) if as_json else _report_text(report))
    return VERIFY_EXIT_CODES[report.status]


def _report_data(report: Report) -> dict[str, Any]:
    return {
        "status": report.status,
        "lines": report.lines,
        "problems": [vars(problem) for problem in report.problems],
        "files": [vars(file) for file in report.files],
        "notes": list(report.notes),
    }


def _report_text(report: Report) -> str:
    lines = [
        f"{file.file}: {file.lines} lines, {_anchored(file.anchored_lines)}{_redacted(file.redacted)}"
        for file in report.files
    ]
    lines += [
        f"{problem.kind.upper().replace('_', ' ')}  {problem.file}"
        f"{'' if problem.line is None else f' line {problem.line}'}: {problem.detail}"
        for problem in report.problems
    ]
    return "\n".join(
        [*lines, *report.notes, f"{report.status}: {report.lines} lines in {len(report.files)} segments"]
    )


def _anchored(count: int | None) -> str:
    return "not anchored" if count is None else f"{count} anchored"


def _redacted(count: int) -> str:
    return f", {count} texts redacted" if count else ""


def _show(log: Path, judgment_id: str, *, reasoning: bool) -> int:
    account = show(log, judgment_id, reasoning=reasoning)
    if account is None:
        raise InvalidRequest("id", f"the log has no judgment {judgment_id!r}")
    print(account, end="")
    return 0


def _print_table(table: Table, form: str) -> None:
    if form == "json":
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        print(json.dumps(rows, indent=2, default=str))
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(table.columns)
        writer.writerows(table.rows)
    else:
        print(_aligned(table))
    if table.truncated:
        print(f"only the first {len(table.rows)} rows are shown; raise --max-rows for more", file=sys.stderr)


def _aligned(table: Table) -> str:
    cells = [
        [harmless(" ".join(str(value).split()))[:120] for value in row]
        for row in (table.columns, *table.rows)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
