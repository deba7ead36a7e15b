"""A perturbed copy keeps keys, foreign keys, NOT NULL and CHECK, and what only the data shows to hold."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tools.sql.in_box.copying.duckdb_copy import DuckdbCopy
from tools.sql.in_box.copying.edits import Hints, Recipe, plan
from tools.sql.in_box.copying.sqlite_copy import SqliteCopy
from tools.sql.in_box.copying.tables import learn
from tools.sql.in_box.engine import Clock

SCRIPT = """
CREATE TABLE lands (code VARCHAR(3), part VARCHAR(2), title VARCHAR(20) NOT NULL UNIQUE, PRIMARY KEY (code, part));
CREATE TABLE clients (id INTEGER PRIMARY KEY, email VARCHAR(20) NOT NULL UNIQUE, code VARCHAR(3) NOT NULL,
  part VARCHAR(2) NOT NULL, city VARCHAR(20), country VARCHAR(20), note VARCHAR(9),
  FOREIGN KEY (code, part) REFERENCES lands(code, part));
CREATE TABLE bills (id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES clients(id), price INTEGER NOT NULL,
  pieces INTEGER NOT NULL, total INTEGER NOT NULL, state VARCHAR(5) NOT NULL CHECK (state IN ('open', 'paid', 'late')),
  share DOUBLE PRECISION NOT NULL CHECK (share BETWEEN 0 AND 1), made DATE NOT NULL, due DATE NOT NULL,
  CHECK (due >= made));
CREATE TABLE visits (client_id INTEGER NOT NULL, day DATE NOT NULL, minutes INTEGER);
INSERT INTO lands VALUES ('NO', 'n', 'Nord'), ('NO', 's', 'Sor'), ('SE', 'n', 'Norr');
INSERT INTO clients VALUES (1, 'a@x', 'NO', 'n', 'Oslo', 'Norway', NULL), (2, 'b@x', 'NO', 's', 'Oslo', 'Norway', 'x'),
  (3, 'c@x', 'SE', 'n', 'Lund', 'Sweden', NULL), (4, 'd@x', 'SE', 'n', 'Lund', 'Sweden', 'y'),
  (5, 'e@x', 'NO', 'n', 'Hamar', 'Norway', 'x');
INSERT INTO bills VALUES (1, 1, 5, 2, 10, 'open', 0.5, '2024-01-02', '2024-02-02'),
  (2, 1, 3, 3, 9, 'paid', 0.0, '2024-01-20', '2024-01-20'),
  (3, 2, 7, 1, 7, 'late', 1.0, '2023-05-05', '2023-06-01'), (4, 3, 2, 8, 16, 'paid', 0.25, '2024-02-01', '2024-03-01'),
  (5, 4, 9, 1, 9, 'paid', 0.5, '2024-02-11', '2024-02-20'), (6, 5, 4, 4, 16, 'open', 0.75, '2024-03-03', '2024-04-03');
INSERT INTO visits VALUES (1, '2024-01-01', 5), (2, '2024-01-01', 9), (1, '2024-01-02', NULL),
  (4, '2024-01-05', 7), (4, '2024-01-05', 7);
"""
# Each finds rows that break what holds.
BROKEN = {
    "the composite foreign key": "SELECT * FROM clients c WHERE NOT EXISTS "
    "(SELECT 1 FROM lands l WHERE l.code = c.code AND l.part = c.part)",
    "the foreign key": "SELECT * FROM bills WHERE client_id NOT IN (SELECT id FROM clients)",
    "the foreign key that only the data shows": "SELECT * FROM visits WHERE client_id NOT IN (SELECT id FROM clients)",
    "the unique column": "SELECT email FROM clients GROUP BY email HAVING count(*) > 1",
    "the composite key": "SELECT code, part FROM lands GROUP BY code, part HAVING count(*) > 1",
    "a city in one country": "SELECT city FROM clients GROUP BY city HAVING count(DISTINCT country) > 1",
    "a total of its parts": "SELECT * FROM bills WHERE total <> price * pieces",
    "the states": "SELECT * FROM bills WHERE state NOT IN ('open', 'paid', 'late')",
    "the share": "SELECT * FROM bills WHERE share < 0 OR share > 1",
    "the days": "SELECT * FROM bills WHERE due < made",
    "no null where the data has none": "SELECT * FROM clients WHERE city IS NULL OR country IS NULL",
    "values within their range": "SELECT * FROM visits WHERE minutes NOT BETWEEN 5 AND 9",
}
SEEDS = range(30)


def recipe(rng: random.Random) -> Recipe:
    return Recipe(rng.uniform(0.3, 1), rng.uniform(0, 1), rng.uniform(0, 0.4), rng.uniform(0, 2), False)


HINTS = Hints(
    None,
    {
        "minutes": ["8", "100"],
        "price": ["4"],
        "made": ["2024-02-01"],
        "state": ["paid", "gone"],
        "share": ["0.5", "-1"],
    },
)


def sqlite_copies(folder: Path) -> Iterator[sqlite3.Connection]:
    for seed in SEEDS:
        path = folder / f"{seed}.sqlite"
        with closing(sqlite3.connect(path)) as made:
            made.executescript(SCRIPT)
        rng = random.Random(seed)
        with closing(SqliteCopy(str(path), Clock(30))) as store:
            tables = store.tables()
            learn(tables, [])
            store.write(plan(tables, recipe(rng), HINTS, rng), rng if seed % 2 else None)
        with closing(sqlite3.connect(path)) as copy:
            yield copy


def duckdb_copies(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    for seed in list(SEEDS)[:8]:
        path = folder / f"{seed}.duckdb"
        with duckdb.connect(str(path)) as made:
            made.execute(SCRIPT)
        rng = random.Random(seed)
        with closing(DuckdbCopy(duckdb.connect(str(path)), Clock(30))) as store:
            tables = store.tables()
            learn(tables, [])
            store.write(plan(tables, recipe(rng), HINTS, rng), rng if seed % 2 else None)
        with duckdb.connect(str(path), read_only=True) as copy:
            yield copy


@pytest.mark.parametrize("copies", [sqlite_copies, duckdb_copies])
def test_nothing_that_holds_in_the_given_data_is_broken_in_a_copy(tmp_path: Path, copies) -> None:
    contents = set()
    for copy in copies(tmp_path):
        for what, sql in BROKEN.items():
            assert copy.execute(sql).fetchall() == [], what
        contents.add(
            repr([copy.execute(f"SELECT * FROM {name}").fetchall() for name in ("clients", "bills")])
        )
    assert len(contents) > 5


def test_a_copy_is_a_sound_file(tmp_path: Path) -> None:
    for copy in sqlite_copies(tmp_path):
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []


def test_rows_are_left_out_added_and_changed(tmp_path: Path) -> None:
    counts, states = set(), set()
    for copy in sqlite_copies(tmp_path):
        counts.add(copy.execute("SELECT count(*) FROM bills").fetchone()[0])
        states.add(tuple(row[0] for row in copy.execute("SELECT state FROM bills WHERE id < 7 ORDER BY id")))
    assert min(counts) < 6 < max(counts)
    assert len(states) > 5


def test_a_table_without_a_key_repeats_rows(tmp_path: Path) -> None:
    repeated = [
        copy.execute(
            "SELECT count(*) - count(DISTINCT client_id || day || coalesce(minutes, '')) FROM visits"
        ).fetchone()
        for copy in sqlite_copies(tmp_path)
    ]
    assert max(repeated) > (1,)


FORMS = """
CREATE TABLE kept (month TEXT PRIMARY KEY, day TEXT NOT NULL UNIQUE, clock TEXT NOT NULL, sku TEXT NOT NULL UNIQUE,
  american TEXT NOT NULL, stamp TEXT NOT NULL, land TEXT NOT NULL UNIQUE, phone TEXT NOT NULL, price INTEGER NOT NULL);
CREATE TABLE numbered (ym INTEGER PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO kept VALUES
  ('2023-10', 'Monday', '06:30', 'AB-100', '01/15/2023', '2024-01-01T10:00:00Z', 'NO', '+47 22 11', 10),
  ('2023-11', 'Tuesday', '07:15', 'AB-200', '02/20/2023', '2024-01-02T11:30:00Z', 'SE', '+47 35 99', 25),
  ('2024-01', 'Sunday', '12:30', 'CD-100', '11/05/2024', '2024-02-01T09:00:00Z', 'DE', '+46 10 20', 40),
  ('2024-02', 'Friday', '18:10', 'EF-300', '03/09/2024', '2024-03-05T10:15:00Z', 'IT', '+45 77 00', 15);
INSERT INTO numbered VALUES (202310, 1), (202312, 3), (202401, 4), (202411, 8);
"""
SHAPES = {
    "month": r"20\d\d-(0[1-9]|1[0-2])",
    "day": "Monday|Tuesday|Sunday|Friday",
    "clock": r"([01]\d|2[0-3]):[0-5]\d",
    "sku": r"[A-F]{2}-\d{3}",
    "american": r"(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])/20\d\d",
    "stamp": r"2024-0\d-\d\dT\d\d:\d\d:\d\dZ",
    "land": "NO|SE|DE|IT",
    "phone": r"\+4\d \d\d \d\d",
    "price": "[1-4][05]",
}


@pytest.mark.parametrize("guess", [False, True])
def test_texts_and_numbers_keep_the_forms_that_are_seen(tmp_path: Path, guess: bool) -> None:
    hints = Hints(None, {"price": ["12", "30"], "month": ["2024-%"], "sku": ["%-100"], "day": ["Holiday"]})
    months = set()
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        with closing(sqlite3.connect(path)) as made:
            made.executescript(FORMS)
        rng = random.Random(seed)
        with closing(SqliteCopy(str(path), Clock(30))) as store:
            tables = store.tables()
            learn(tables, [])
            store.write(plan(tables, recipe(rng)._replace(guess=guess, nulls=0), hints, rng), None)
        with closing(sqlite3.connect(path)) as copy:
            for name, form in SHAPES.items():
                for (value,) in copy.execute(f"SELECT {name} FROM kept"):
                    assert re.fullmatch(form, str(value)), (name, value)
            months |= {value for (value,) in copy.execute("SELECT ym FROM numbered")}
    assert all(1 <= value % 100 <= 12 for value in months), months
