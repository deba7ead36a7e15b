"""The tables of the SQLite store, and the step from each schema version to the next."""

from __future__ import annotations

from judge_agent.store.sqlite_group_tables import GROUP_TABLES, SEATING_STEP

# One script per version: a database at version N is brought on by MIGRATIONS[N:].
# A released script never changes.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE judgments (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled')),
        request TEXT NOT NULL,
        metadata TEXT NOT NULL,
        judgment TEXT,
        created REAL NOT NULL,
        elapsed_seconds REAL NOT NULL DEFAULT 0,
        idempotency_key TEXT,
        body_sha256 TEXT NOT NULL,
        CHECK ((state IN ('done', 'cancelled')) = (judgment IS NOT NULL))
    );
    CREATE UNIQUE INDEX judgments_idempotency ON judgments (tenant, idempotency_key)
        WHERE idempotency_key IS NOT NULL;
    CREATE INDEX judgments_tenant ON judgments (tenant, sequence);
    CREATE INDEX judgments_open ON judgments (sequence) WHERE state IN ('queued', 'running');
    CREATE TABLE journal (
        judgment_id TEXT NOT NULL,
        key TEXT NOT NULL,
        node TEXT NOT NULL,
        kind TEXT NOT NULL,
        result TEXT NOT NULL,
        elapsed_seconds REAL NOT NULL
    );
    CREATE UNIQUE INDEX journal_key ON journal (judgment_id, key);
    CREATE TABLE shared_results (
        tenant TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL
    );
    CREATE UNIQUE INDEX shared_results_key ON shared_results (tenant, key);
    CREATE TABLE api_keys (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        sha256 TEXT NOT NULL UNIQUE,
        prefix TEXT NOT NULL,
        created REAL NOT NULL,
        revoked REAL
    );
    CREATE TABLE log_heads (
        writer TEXT NOT NULL,
        segment TEXT NOT NULL,
        count INTEGER NOT NULL,
        head TEXT NOT NULL,
        PRIMARY KEY (writer, segment)
    );
    """,
    """
    ALTER TABLE judgments ADD COLUMN worker TEXT;
    ALTER TABLE judgments ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
    UPDATE judgments SET lease = 1 WHERE state = 'running';
    ALTER TABLE judgments ADD COLUMN lease_until REAL NOT NULL DEFAULT 0;
    ALTER TABLE judgments ADD COLUMN is_cancelled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE judgments ADD COLUMN flight_key TEXT;
    ALTER TABLE judgments ADD COLUMN leader TEXT;
    ALTER TABLE judgments ADD COLUMN cohort TEXT;
    ALTER TABLE judgments ADD COLUMN turn INTEGER;
    CREATE INDEX judgments_waiting ON judgments (tenant, coalesce(turn, sequence), sequence)
        WHERE state = 'queued';
    CREATE INDEX judgments_leases ON judgments (lease_until) WHERE state = 'running';
    CREATE INDEX judgments_flights ON judgments (tenant, flight_key)
        WHERE flight_key IS NOT NULL AND state IN ('queued', 'running');
    CREATE INDEX judgments_cohorts ON judgments (tenant, cohort) WHERE cohort IS NOT NULL;
    CREATE INDEX judgments_followers ON judgments (leader) WHERE leader IS NOT NULL;
    ALTER TABLE api_keys ADD COLUMN scope TEXT NOT NULL DEFAULT 'all';
    """,
    """
    CREATE TABLE happenings (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        judgment_id TEXT NOT NULL,
        type TEXT NOT NULL,
        node TEXT,
        fields TEXT NOT NULL,
        at REAL NOT NULL
    );
    CREATE INDEX happenings_judgment ON happenings (judgment_id, number);
    """,
    """
    CREATE TABLE canaries (
        recipe TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'unknown',
        since REAL NOT NULL,
        unknown_since REAL,
        at REAL NOT NULL DEFAULT 0,
        judgment_id TEXT NOT NULL DEFAULT '',
        detail TEXT NOT NULL DEFAULT '',
        taken_until REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (recipe, name)
    );
    """,
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        created REAL NOT NULL,
        pin_sha256 TEXT,
        pin TEXT,
        pinned REAL,
        answered TEXT,
        alarms TEXT,
        UNIQUE (tenant, id)
    );
    CREATE INDEX runs_tenant ON runs (tenant, number);
    CREATE TABLE run_points (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL,
        step INTEGER NOT NULL,
        task_key INTEGER NOT NULL,
        content_key INTEGER NOT NULL,
        judgment_id TEXT NOT NULL,
        recipe TEXT NOT NULL,
        status TEXT NOT NULL,
        failure_kind TEXT,
        score REAL,
        reward REAL,
        vector TEXT NOT NULL,
        confidence REAL,
        length INTEGER NOT NULL,
        flags TEXT NOT NULL,
        compared INTEGER NOT NULL,
        disagreed INTEGER NOT NULL,
        is_cached INTEGER NOT NULL,
        noise REAL,
        seconds REAL,
        tokens INTEGER
    );
    CREATE INDEX run_points_walk ON run_points (run, step, task_key, content_key, sequence);
    CREATE TABLE run_alarms (
        run INTEGER NOT NULL,
        step INTEGER NOT NULL,
        name TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (run, step, name)
    );
    """,
    """
    CREATE TABLE siblings (
        tenant TEXT NOT NULL,
        prompt TEXT NOT NULL,
        judgment_id TEXT NOT NULL,
        at REAL NOT NULL,
        outcome TEXT CHECK (outcome IN ('scored', 'failed')),
        reward REAL,
        score REAL,
        vector TEXT NOT NULL DEFAULT '{}',
        way TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (tenant, prompt, judgment_id),
        CHECK ((outcome IS 'scored') = (reward IS NOT NULL AND score IS NOT NULL))
    ) WITHOUT ROWID;
    CREATE INDEX siblings_at ON siblings (at);
    CREATE INDEX siblings_ends ON siblings (tenant, at) WHERE outcome IS NOT NULL;
    """,
    """
    ALTER TABLE judgments ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE judgments ADD COLUMN is_metered INTEGER NOT NULL DEFAULT 0;
    DROP INDEX judgments_waiting;
    CREATE INDEX judgments_waiting ON judgments (tenant, key_id, coalesce(turn, sequence), sequence)
        WHERE state = 'queued';
    CREATE INDEX judgments_keys ON judgments (key_id) WHERE state IN ('queued', 'running');
    CREATE TABLE key_limits (
        key_id TEXT PRIMARY KEY,
        max_open INTEGER,
        requests_per_minute INTEGER,
        tokens_per_minute INTEGER,
        tokens_per_day INTEGER
    );
    CREATE TABLE key_usage (
        key_id TEXT PRIMARY KEY,
        requests REAL NOT NULL,
        requests_at REAL NOT NULL,
        tokens REAL NOT NULL,
        tokens_at REAL NOT NULL,
        day INTEGER NOT NULL,
        day_tokens INTEGER NOT NULL
    );
    CREATE TABLE token_charges (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        key_id TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        at REAL NOT NULL
    );
    CREATE INDEX token_charges_key ON token_charges (key_id, number);
    """,
    GROUP_TABLES,
    # Of points that were kept before nobody knows whether one is another's repeat: each is a rollout.
    """
    ALTER TABLE run_points ADD COLUMN rollout INTEGER NOT NULL DEFAULT -1;
    ALTER TABLE run_points ADD COLUMN seed INTEGER NOT NULL DEFAULT 0;
    UPDATE run_points SET rollout = sequence;
    """,
    SEATING_STEP,
)
SCHEMA_VERSION = len(MIGRATIONS)
