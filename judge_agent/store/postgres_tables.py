"""The tables and the one function of the PostgreSQL store, and the step from each schema version to the next."""

from __future__ import annotations

from judge_agent.store.postgres_accepting import clocks_step, quotas_step, turns_step
from judge_agent.store.postgres_group_seating import SEATING_STEP
from judge_agent.store.postgres_group_tables import GROUP_TABLES

# One script per version: a database at version N is brought on by MIGRATIONS[N:].
# A released script never changes. Advisory locks are keyed by numbers that nothing else in this product uses.
MIGRATION_LOCK = 5_927_301_001
ACCEPT_LOCK = 5_927_301_002

# Its plans are made while the tables are empty, and stay. So each look-up is written for one index alone:
# `tenant || ''` and `sequence + 0` keep the planner from walking through all rows of a tenant.
_ACCEPT_JUDGMENTS = f"""
CREATE FUNCTION accept_judgments(
    ids text[], tenants text[], requests text[], metadatas text[], createds double precision[], keys text[],
    bodies text[], workers text[], leases double precision[], flights text[], cohorts text[], limits bigint[]
) RETURNS TABLE (place bigint, outcome text, found_id text, token bigint, open_count bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given record;
    earlier record;
    opened bigint;
    first_id text;
    first_turn bigint;
BEGIN
    -- Whoever accepts counts what the others have accepted, and nobody waits inside: one statement, one commit.
    PERFORM pg_advisory_xact_lock({ACCEPT_LOCK});
    SELECT count(*) INTO opened FROM judgments WHERE state IN ('queued', 'running');
    FOR given IN SELECT * FROM unnest(
        ids, tenants, requests, metadatas, createds, keys, bodies, workers, leases, flights, cohorts, limits
    ) WITH ORDINALITY AS new (
        id, tenant, request, metadata, created, key, body, worker, lease_seconds, flight, cohort, max_open, place
    ) ORDER BY place LOOP
        place := given.place;
        found_id := given.id;
        token := 0;
        open_count := opened;
        SELECT id, body_sha256 INTO earlier FROM judgments
            WHERE idempotency_key = given.key AND tenant || '' = given.tenant;
        IF FOUND THEN
            found_id := earlier.id;
            outcome := CASE WHEN earlier.body_sha256 = given.body THEN 'earlier' ELSE 'conflict' END;
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF EXISTS (SELECT 1 FROM judgments WHERE id = given.id) THEN
            outcome := 'taken';
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF opened >= given.max_open THEN
            outcome := 'full';
            RETURN NEXT;
            CONTINUE;
        END IF;
        first_id := NULL;
        IF given.flight IS NOT NULL THEN
            SELECT id INTO first_id FROM judgments
                WHERE flight_key = given.flight AND tenant || '' = given.tenant AND state IN ('queued', 'running')
                    AND leader IS NULL AND NOT is_cancelled
                ORDER BY sequence + 0 LIMIT 1;
        END IF;
        first_turn := NULL;
        IF given.cohort IS NOT NULL THEN
            SELECT min(sequence + 0) INTO first_turn FROM judgments
                WHERE cohort = given.cohort AND tenant || '' = given.tenant;
        END IF;
        token := CASE WHEN given.worker IS NOT NULL AND first_id IS NULL THEN 1 ELSE 0 END;
        INSERT INTO judgments (
            id, tenant, state, request, metadata, created, idempotency_key, body_sha256, worker, lease, lease_until,
            flight_key, leader, cohort, turn
        ) VALUES (
            given.id, given.tenant, CASE token WHEN 1 THEN 'running' ELSE 'queued' END, given.request,
            given.metadata, given.created, given.key, given.body, CASE token WHEN 1 THEN given.worker END, token,
            CASE token WHEN 1 THEN clock_timestamp() + given.lease_seconds * interval '1 second'
                ELSE '-infinity' END,
            given.flight, first_id, given.cohort, first_turn
        );
        opened := opened + 1;
        outcome := 'kept';
        RETURN NEXT;
    END LOOP;
END
$$;
"""  # noqa: S608

MIGRATIONS: tuple[str, ...] = (
    # Columns that every heartbeat changes are in no index, so that a heartbeat rewrites none (HOT updates).
    """
    CREATE TABLE judgments (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE,
        tenant text NOT NULL,
        state text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled')),
        request text NOT NULL,
        metadata text NOT NULL,
        judgment text,
        created double precision NOT NULL,
        elapsed_seconds double precision NOT NULL DEFAULT 0,
        idempotency_key text,
        body_sha256 text NOT NULL,
        worker text,
        taking text,
        lease bigint NOT NULL DEFAULT 0,
        lease_until timestamptz NOT NULL DEFAULT '-infinity',
        is_cancelled boolean NOT NULL DEFAULT false,
        flight_key text,
        leader text,
        cohort text,
        turn bigint,
        CHECK ((state IN ('done', 'cancelled')) = (judgment IS NOT NULL))
    ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
    CREATE UNIQUE INDEX judgments_idempotency ON judgments (idempotency_key, tenant)
        WHERE idempotency_key IS NOT NULL;
    CREATE INDEX judgments_tenant ON judgments (tenant, sequence);
    CREATE INDEX judgments_open ON judgments (state, tenant, sequence) WHERE state IN ('queued', 'running');
    CREATE INDEX judgments_waiting ON judgments (tenant, coalesce(turn, sequence), sequence)
        WHERE state = 'queued';
    CREATE INDEX judgments_flights ON judgments (flight_key, tenant)
        WHERE flight_key IS NOT NULL AND state IN ('queued', 'running');
    CREATE INDEX judgments_cohorts ON judgments (cohort, tenant) WHERE cohort IS NOT NULL;
    CREATE INDEX judgments_followers ON judgments (leader) WHERE leader IS NOT NULL AND state = 'queued';
    CREATE TABLE journal (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        judgment_id text NOT NULL,
        key text NOT NULL,
        node text NOT NULL,
        kind text NOT NULL,
        result text NOT NULL,
        elapsed_seconds double precision NOT NULL
    );
    CREATE UNIQUE INDEX journal_key ON journal (judgment_id, key);
    CREATE TABLE shared_results (
        tenant text NOT NULL,
        key text NOT NULL,
        value text NOT NULL,
        PRIMARY KEY (tenant, key)
    );
    CREATE TABLE api_keys (
        id text PRIMARY KEY,
        tenant text NOT NULL,
        sha256 text NOT NULL UNIQUE,
        prefix text NOT NULL,
        created double precision NOT NULL,
        revoked double precision,
        scope text NOT NULL DEFAULT 'all'
    );
    CREATE TABLE log_heads (
        sequence bigint GENERATED ALWAYS AS IDENTITY,
        writer text NOT NULL,
        segment text NOT NULL,
        count bigint NOT NULL,
        head text NOT NULL,
        PRIMARY KEY (writer, segment)
    );
    CREATE TABLE happenings (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        judgment_id text NOT NULL,
        type text NOT NULL,
        node text,
        fields text NOT NULL,
        at double precision NOT NULL,
        telling text NOT NULL,
        place bigint NOT NULL,
        UNIQUE (telling, place)
    );
    CREATE INDEX happenings_judgment ON happenings (judgment_id, number);
    """
    + _ACCEPT_JUDGMENTS,
    """
    CREATE TABLE canaries (
        recipe text NOT NULL,
        name text NOT NULL,
        state text NOT NULL DEFAULT 'unknown',
        since double precision NOT NULL,
        unknown_since double precision,
        at double precision NOT NULL DEFAULT 0,
        judgment_id text NOT NULL DEFAULT '',
        detail text NOT NULL DEFAULT '',
        taken_until double precision NOT NULL DEFAULT 0,
        PRIMARY KEY (recipe, name)
    );
    """,
    """
    CREATE TABLE runs (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant text NOT NULL,
        id text NOT NULL,
        created double precision NOT NULL,
        pin_sha256 text,
        pin text,
        pinned double precision,
        answered text,
        alarms text,
        UNIQUE (tenant, id)
    );
    CREATE INDEX runs_tenant ON runs (tenant, number);
    CREATE TABLE run_points (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run bigint NOT NULL,
        step bigint NOT NULL,
        task_key bigint NOT NULL,
        content_key bigint NOT NULL,
        judgment_id text NOT NULL,
        recipe text NOT NULL,
        status text NOT NULL,
        failure_kind text,
        score double precision,
        reward double precision,
        vector text NOT NULL,
        confidence double precision,
        length bigint NOT NULL,
        flags text NOT NULL,
        compared bigint NOT NULL,
        disagreed bigint NOT NULL,
        is_cached boolean NOT NULL,
        noise double precision,
        seconds double precision,
        tokens bigint
    );
    CREATE INDEX run_points_walk ON run_points (run, step, task_key, content_key, sequence);
    CREATE TABLE run_alarms (
        run bigint NOT NULL,
        step bigint NOT NULL,
        name text NOT NULL,
        at double precision NOT NULL,
        PRIMARY KEY (run, step, name)
    );
    """,
    """
    CREATE TABLE siblings (
        tenant text NOT NULL,
        prompt text NOT NULL,
        judgment_id text NOT NULL,
        at double precision NOT NULL,
        outcome text CHECK (outcome IN ('scored', 'failed')),
        reward double precision,
        score double precision,
        vector text NOT NULL DEFAULT '{}',
        way text NOT NULL DEFAULT '',
        PRIMARY KEY (tenant, prompt, judgment_id),
        CHECK ((outcome IS NOT DISTINCT FROM 'scored') = (reward IS NOT NULL AND score IS NOT NULL))
    );
    CREATE INDEX siblings_at ON siblings (at);
    CREATE INDEX siblings_ends ON siblings (tenant, at) WHERE outcome IS NOT NULL;
    """,
    quotas_step(ACCEPT_LOCK),
    GROUP_TABLES,
    clocks_step(),
    # Of points that were kept before nobody knows whether one is another's repeat: each is a rollout.
    """
    ALTER TABLE run_points ADD COLUMN rollout bigint NOT NULL DEFAULT -1;
    ALTER TABLE run_points ADD COLUMN seed bigint NOT NULL DEFAULT 0;
    UPDATE run_points SET rollout = sequence;
    """,
    SEATING_STEP + turns_step(ACCEPT_LOCK),
)
SCHEMA_VERSION = len(MIGRATIONS)
