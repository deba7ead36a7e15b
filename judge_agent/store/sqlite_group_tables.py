"""The tables of groups in the SQLite store."""

from __future__ import annotations

GROUP_TABLES = """
CREATE TABLE groups (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    group_id TEXT,
    attempt INTEGER NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'judging', 'done', 'failed', 'cancelled')),
    is_joint INTEGER NOT NULL,
    agreed TEXT NOT NULL,
    request TEXT NOT NULL,
    record TEXT,
    created REAL NOT NULL,
    began REAL NOT NULL,
    deadline REAL NOT NULL,
    last REAL NOT NULL,
    ended REAL,
    seats INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0,
    settled REAL,
    is_logged INTEGER NOT NULL DEFAULT 0,
    CHECK ((state IN ('open', 'judging')) = (record IS NULL))
);
CREATE UNIQUE INDEX groups_key ON groups (tenant, group_id, attempt) WHERE group_id IS NOT NULL;
CREATE INDEX groups_open ON groups (sequence) WHERE state IN ('open', 'judging');
CREATE INDEX groups_unlogged ON groups (settled) WHERE settled IS NOT NULL AND NOT is_logged;
CREATE TABLE group_members (
    grp TEXT NOT NULL,
    place INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    judgment_id TEXT,
    candidate TEXT,
    is_late INTEGER NOT NULL,
    idempotency_key TEXT,
    body_sha256 TEXT NOT NULL,
    PRIMARY KEY (grp, place)
);
CREATE UNIQUE INDEX group_members_idempotency ON group_members (tenant, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX group_members_judgments ON group_members (judgment_id) WHERE judgment_id IS NOT NULL;
CREATE TABLE service_clock (
    single INTEGER PRIMARY KEY CHECK (single = 1),
    elapsed REAL NOT NULL,
    beat REAL NOT NULL
);
"""

SEATING_STEP = """
CREATE INDEX groups_open_tenants ON groups (tenant) WHERE state IN ('open', 'judging');
CREATE TABLE group_keys (
    tenant TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    grp TEXT NOT NULL,
    place INTEGER NOT NULL,
    body_sha256 TEXT NOT NULL,
    PRIMARY KEY (tenant, idempotency_key)
) WITHOUT ROWID;
"""
