"""The tables of groups in the PostgreSQL store, and the one function that seats members: one statement, one commit."""

from __future__ import annotations

GROUP_LOCK = 5_927_301_003

GROUP_TABLES = f"""
CREATE TABLE groups (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    tenant text NOT NULL,
    group_id text,
    attempt bigint NOT NULL,
    size bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'judging', 'done', 'failed', 'cancelled')),
    is_joint boolean NOT NULL,
    agreed text NOT NULL,
    request text NOT NULL,
    record text,
    created double precision NOT NULL,
    began double precision NOT NULL,
    deadline double precision NOT NULL,
    last double precision NOT NULL,
    ended double precision,
    seats bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 0,
    settled double precision,
    is_logged boolean NOT NULL DEFAULT false,
    CHECK ((state IN ('open', 'judging')) = (record IS NULL))
);
CREATE UNIQUE INDEX groups_key ON groups (group_id, attempt, tenant) WHERE group_id IS NOT NULL;
CREATE INDEX groups_open ON groups (sequence) WHERE state IN ('open', 'judging');
CREATE INDEX groups_unlogged ON groups (settled) WHERE settled IS NOT NULL AND NOT is_logged;
CREATE TABLE group_members (
    grp text NOT NULL,
    place bigint NOT NULL,
    tenant text NOT NULL,
    candidate_id text NOT NULL,
    content_sha256 text NOT NULL,
    judgment_id text,
    candidate text,
    is_late boolean NOT NULL,
    idempotency_key text,
    body_sha256 text NOT NULL,
    PRIMARY KEY (grp, place)
);
CREATE UNIQUE INDEX group_members_idempotency ON group_members (idempotency_key, tenant)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX group_members_judgments ON group_members (judgment_id) WHERE judgment_id IS NOT NULL;
CREATE TABLE service_clock (
    single bigint PRIMARY KEY CHECK (single = 1),
    elapsed double precision NOT NULL,
    beat double precision NOT NULL
);
CREATE FUNCTION join_group(
    new_id text, new_tenant text, new_group_id text, new_attempt bigint, new_size bigint, new_is_joint boolean,
    new_agreed text, new_request text, new_created double precision, deadline_seconds double precision,
    limit_seconds double precision, max_open bigint, gap_seconds double precision, places bigint[],
    candidate_ids text[], contents text[], judgments text[], candidates text[], new_key text, new_body text
) RETURNS TABLE (outcome text, found_id text, found_place bigint, found_judgment text, open_count bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    earlier record;
    held record;
    clock double precision;
    came_late boolean;
BEGIN
    PERFORM pg_advisory_xact_lock({GROUP_LOCK});
    open_count := 0;
    found_place := places[1];
    SELECT grp, place, judgment_id, body_sha256 INTO earlier FROM group_members
        WHERE idempotency_key = new_key AND tenant || '' = new_tenant;
    IF FOUND THEN
        outcome := CASE WHEN earlier.body_sha256 = new_body THEN 'earlier' ELSE 'conflict' END;
        found_id := earlier.grp; found_place := earlier.place; found_judgment := earlier.judgment_id;
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT id, agreed, state, is_joint INTO held FROM groups WHERE id = new_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        SELECT id, agreed, state, is_joint INTO held FROM groups
            WHERE group_id = new_group_id AND attempt = new_attempt AND tenant || '' = new_tenant
            FOR NO KEY UPDATE;
    END IF;
    IF NOT FOUND THEN
        SELECT count(*) INTO open_count FROM groups WHERE state IN ('open', 'judging');
        IF open_count >= max_open THEN
            outcome := 'full'; found_id := new_id;
            RETURN NEXT;
            RETURN;
        END IF;
        INSERT INTO service_clock AS kept (single, elapsed, beat)
            VALUES (1, 0, extract(epoch FROM clock_timestamp()))
            ON CONFLICT (single) DO UPDATE SET
                elapsed = kept.elapsed + least(greatest(excluded.beat - kept.beat, 0), gap_seconds),
                beat = excluded.beat
            RETURNING elapsed INTO clock;
        INSERT INTO groups (id, tenant, group_id, attempt, size, state, is_joint, agreed, request, created, began,
            deadline, last) VALUES (new_id, new_tenant, new_group_id, new_attempt, new_size, 'open', new_is_joint,
            new_agreed, new_request, new_created, clock, clock + deadline_seconds, clock + limit_seconds);
        SELECT id, agreed, state, is_joint INTO held FROM groups WHERE id = new_id;
    END IF;
    found_id := held.id;
    IF held.agreed <> new_agreed THEN
        outcome := 'disagrees';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT place, judgment_id, content_sha256 = content AS is_same INTO earlier
        FROM group_members JOIN unnest(places, contents) AS given (at, content) ON place = at
        WHERE grp = held.id ORDER BY content_sha256 = content, place LIMIT 1;
    IF FOUND THEN
        outcome := CASE WHEN earlier.is_same THEN 'earlier' ELSE 'taken' END;
        found_place := earlier.place; found_judgment := earlier.judgment_id;
        RETURN NEXT;
        RETURN;
    END IF;
    IF held.state = 'cancelled' OR (held.is_joint AND held.state <> 'open') THEN
        outcome := 'closed';
        RETURN NEXT;
        RETURN;
    END IF;
    came_late := held.state NOT IN ('open', 'judging');
    INSERT INTO group_members (grp, place, tenant, candidate_id, content_sha256, judgment_id, candidate, is_late,
        idempotency_key, body_sha256)
        SELECT held.id, given.at, new_tenant, given.name, given.content, given.judgment, given.candidate, came_late,
            CASE WHEN given.number = 1 THEN new_key END, new_body
        FROM unnest(places, candidate_ids, contents, judgments, candidates)
            WITH ORDINALITY AS given (at, name, content, judgment, candidate, number);
    IF NOT came_late THEN
        UPDATE groups SET seats = seats + cardinality(places), revision = revision + 1,
            state = CASE WHEN seats + cardinality(places) >= size THEN 'judging' ELSE state END
            WHERE id = held.id;
    END IF;
    outcome := CASE WHEN came_late THEN 'late' ELSE 'seated' END;
    found_judgment := judgments[1];
    RETURN NEXT;
END
$$;
"""  # noqa: S608
