"""A query in other words gives the same rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from evals.rewriting import rewritten

SETUP = """
CREATE TABLE people (id INTEGER, name TEXT, city TEXT);
INSERT INTO people VALUES (1, 'Ada', 'Oslo'), (2, 'Bo', 'Rome'), (3, 'Cy', NULL), (4, 'Di', 'Rome');
CREATE TABLE orders (person INTEGER, amount REAL);
INSERT INTO orders VALUES (1, 2.5), (1, 4.0), (2, 1.0), (4, 9.5);
"""


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(SETUP)
        yield made


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM people WHERE city = 'Rome' AND id > 1 ORDER BY name",
        "SELECT p.name, sum(o.amount) AS s FROM people p JOIN orders o ON o.person = p.id GROUP BY p.name",
        "SELECT name FROM people WHERE id BETWEEN 2 AND 3 OR city IN ('Oslo', 'Bergen')",
        "SELECT name FROM people WHERE id IN (SELECT person FROM orders WHERE amount >= 2 AND amount < 9)",
        "SELECT name FROM people WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.person = people.id)",
    ],
)
def test_the_rows_stay_and_the_text_does_not(database, sql) -> None:
    other = rewritten(sql)
    assert other.split() != sql.split()
    assert sorted(database.execute(other)) == sorted(database.execute(sql))
