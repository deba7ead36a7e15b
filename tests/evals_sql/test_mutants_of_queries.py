"""Mutants of a query differ from it in one place, and those that mean the same are found out."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evals.sql.apart import told_apart
from evals.sql.mutants import KINDS, mutants
from evals.sql.random_data import write_random
from evals.sql.report import Tried, mutants_table, rate
from evals.sql.trial import Answer

COLUMNS = {"people": ["id", "name", "age", "city"], "orders": ["id", "person", "total", "sent"]}
QUERIES = [
    "SELECT p.name, sum(o.total) AS s FROM people p JOIN orders o ON o.person = p.id"
    " WHERE p.age > 30 AND p.city = 'Oslo' GROUP BY p.id, p.name HAVING count(o.id) >= 2 ORDER BY s DESC LIMIT 3",
    "SELECT DISTINCT city FROM people WHERE name LIKE '%a%' AND age BETWEEN 20 AND 40 AND city IS NOT NULL",
    "SELECT coalesce(sent, 'no') FROM orders WHERE total - 2 > 10 UNION SELECT name FROM people WHERE id NOT IN (1, 2)",
]
SCRIPT = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL, city TEXT);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people(id), total INTEGER NOT NULL, sent TEXT,
  parcel INTEGER);
CREATE TABLE parcels (id INTEGER PRIMARY KEY);
INSERT INTO parcels VALUES (1), (2), (3);
INSERT INTO people VALUES (1, 'Ada', 31, 'Oslo'), (2, 'Bo', 25, 'Rome'), (3, 'Cy', 40, 'Oslo'), (4, 'Dan', 22, NULL);
INSERT INTO orders VALUES (1, 1, 20, 'yes', 1), (2, 1, 5, NULL, 2), (3, 3, 12, 'yes', 1), (4, 3, 30, NULL, 3),
  (5, 2, 7, 'yes', 2);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "d.sqlite")) as made:
        made.executescript(SCRIPT)
    return tmp_path / "d.sqlite"


def test_every_kind_of_change_makes_mutants_and_none_is_its_original() -> None:
    made = [mutant for sql in QUERIES for mutant in mutants(sql, COLUMNS)]
    assert {mutant.kind for mutant in made} == set(KINDS)
    assert len({mutant.sql for mutant in made}) == len(made)
    assert not {mutant.sql for mutant in made} & {" ".join(sql.split()) for sql in QUERIES}


def test_mutants_of_a_query_that_runs_run(path: Path) -> None:
    made = [mutant for sql in QUERIES[:2] for mutant in mutants(sql, COLUMNS)]
    failing = [one.sql for one in made if told_apart(path, QUERIES[0], one.sql, 0) == "fails"]
    assert len(failing) < len(made) / 10, failing


@pytest.mark.parametrize(
    ("sql", "other", "apart"),
    [
        ("SELECT name FROM people WHERE age > 30", "SELECT name FROM people WHERE age > 20", "given"),
        ("SELECT name FROM people WHERE age > 30", "SELECT name FROM people WHERE age >= 31", "nowhere"),
        ("SELECT name FROM people WHERE age > 30", "SELECT name FROM people WHERE age > 29", "copies"),
        ("SELECT name FROM people", "SELECT nope FROM people", "fails"),
        ("SELECT DISTINCT id FROM people", "SELECT id FROM people", "nowhere"),
        ("SELECT DISTINCT name FROM people", "SELECT name FROM people", "copies"),
        (
            "SELECT o.id FROM orders o LEFT JOIN parcels p ON p.id = o.parcel",
            "SELECT o.id FROM orders o JOIN parcels p ON p.id = o.parcel",
            "copies",
        ),
        ("SELECT name FROM people ORDER BY id", "SELECT name FROM people ORDER BY name, id", "copies"),
        (
            "SELECT name FROM people ORDER BY city IS NULL LIMIT 1",
            "SELECT name FROM people ORDER BY city IS NULL, name LIMIT 1",
            "nowhere",
        ),
    ],
)
def test_queries_that_mean_the_same_are_told_apart_nowhere(path: Path, sql, other, apart) -> None:
    assert told_apart(path, sql, other, 0) == apart


def test_random_rows_keep_to_what_the_schema_declares(path: Path, tmp_path: Path) -> None:
    for seed in range(10):
        target = tmp_path / "random.sqlite"
        write_random(path, target, {"age": ["30"]}, random.Random(seed))
        with closing(sqlite3.connect(target)) as made:
            assert made.execute("PRAGMA foreign_key_check").fetchall() == []
            assert made.execute(
                "SELECT count(*) FROM people WHERE name IS NULL OR age IS NULL"
            ).fetchone() == (0,)
            assert made.execute("SELECT count(*) FROM orders").fetchone()[0] > 0


def test_the_rates_leave_out_what_is_held_equivalent() -> None:
    mutant = next(iter(mutants(QUERIES[1], COLUMNS)))
    answers = [
        ("given", Answer("wrong", "untried", 0.1, "")),
        ("copies", Answer("right", "decisive", 0.1, "")),
        ("copies", Answer("right", "strong", 0.1, "")),
        ("copies", Answer("right", "same", 0.1, "")),
        ("nowhere", Answer("right", "same", 0.1, "")),
        ("nowhere", Answer("right", "strong", 0.1, "")),
        ("fails", None),
    ]
    tried = [Tried(mutant, apart, answer) for apart, answer in answers]
    found = rate(tried)
    assert (found.total, found.given, found.decisive, found.strong) == (4, 1, 1, 1)
    assert (found.equivalent, found.alarms) == (2, 1)
    assert found.shares() == (0.25, 0.5, 0.75)
    assert "25.0%" in mutants_table(tried)
