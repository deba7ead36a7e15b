"""The step of the PostgreSQL tables that seats members within bounds: by tenant, and by what waits to be compared."""

from __future__ import annotations

from judge_agent.store.postgres_group_tables import GROUP_LOCK

SEATING_STEP = f"""
CREATE INDEX groups_open_tenants ON groups (tenant) WHERE state IN ('open', 'judging');
CREATE TABLE group_keys (
    tenant text NOT NULL,
    idempotency_key text NOT NULL,
    grp text NOT NULL,
    place bigint NOT NULL,
    body_sha256 text NOT NULL,
    PRIMARY KEY (idempotency_key, tenant)
);
DROP FUNCTION join_group(
    text, text, text, bigint, bigint, boolean, text, text, double precision, double precision, double precision,
    bigint, double precision, bigint[], text[], text[], text[], text[], text, text
);
CREATE FUNCTION join_group(
    new_id text, new_tenant text, new_group_id text, new_attempt bigint, new_size bigint, new_is_joint boolean,
    new_agreed text, new_request text, new_created double precision, deadline_seconds double precision,
    limit_seconds double precision, max_open bigint, gap_seconds double precision, places bigint[],
    candidate_ids text[], contents text[], judgments text[], candidates text[], new_key text, new_body text,
    is_shared boolean, max_waiting bigint
) RETURNS TABLE (
    outcome text, found_id text, found_place bigint, found_judgment text, open_count bigint, held_count bigint
)
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
    held_count := 0;
    found_place := places[1];
    SELECT grp, place, judgment_id, body_sha256 INTO earlier FROM group_members
        WHERE idempotency_key = new_key AND tenant || '' = new_tenant;
    IF NOT FOUND THEN
        SELECT kept.grp, kept.place, judgment_id, kept.body_sha256 INTO earlier
            FROM group_keys AS kept JOIN group_members AS one ON one.grp = kept.grp AND one.place = kept.place
            WHERE kept.idempotency_key = new_key AND kept.tenant || '' = new_tenant;
    END IF;
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
        SELECT count(*), count(*) FILTER (WHERE tenant = new_tenant) INTO open_count, held_count
            FROM groups WHERE state IN ('open', 'judging');
        IF open_count >= max_open OR (is_shared AND held_count >= max_open - open_count) THEN
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
    SELECT place, judgment_id, content_sha256 = content AS is_same, count(*) OVER () AS seated INTO earlier
        FROM group_members JOIN unnest(places, contents) AS given (at, content) ON place = at
        WHERE grp = held.id ORDER BY content_sha256 = content, place LIMIT 1;
    IF FOUND THEN
        outcome := CASE WHEN NOT earlier.is_same THEN 'taken'
            WHEN earlier.seated < cardinality(places) THEN 'partly' ELSE 'earlier' END;
        found_place := earlier.place; found_judgment := earlier.judgment_id;
        RETURN NEXT;
        RETURN;
    END IF;
    IF held.state = 'cancelled' OR (held.is_joint AND held.state <> 'open') THEN
        outcome := 'closed';
        RETURN NEXT;
        RETURN;
    END IF;
    IF max_waiting IS NOT NULL AND candidates[1] IS NOT NULL THEN
        SELECT coalesce(sum(octet_length(candidate)), 0), count(*) INTO open_count, held_count
            FROM group_members WHERE grp = held.id AND candidate IS NOT NULL;
        open_count := open_count + octet_length(candidates[1]);
        IF held_count > 0 AND open_count > max_waiting THEN
            outcome := 'heavy';
            RETURN NEXT;
            RETURN;
        END IF;
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
