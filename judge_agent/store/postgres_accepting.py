"""The step of the PostgreSQL tables that counts judgments and tokens by key, in the statement that accepts them.

`take_of_key` does in SQL what `quotas.Usage.at` and `quotas.standings` do: both stores must refuse alike.
"""

from __future__ import annotations

# A day of the usage that lies ahead of the clock is over at its own midnight, or is taken for today.
_DAY_AHEAD_STAYS = ""
_DAY_AHEAD_IS_TODAY = """
    had.day := today;"""


def _take_of_key(create: str, day_ahead: str) -> str:
    return f"""
{create} FUNCTION take_of_key(
    wanted_key text, wanted bigint, only_quota text, max_open bigint,
    requests_per_minute bigint, tokens_per_minute bigint, tokens_per_day bigint, opened bigint,
    OUT quota text, OUT used double precision, OUT retry_seconds double precision
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    had key_usage%ROWTYPE;
    charged record;
    moment double precision;
    today bigint;
    retry double precision;
BEGIN
    INSERT INTO key_usage (key_id) VALUES (wanted_key) ON CONFLICT DO NOTHING;
    SELECT * INTO had FROM key_usage AS kept WHERE kept.key_id = wanted_key FOR UPDATE;
    moment := extract(epoch FROM clock_timestamp());
    FOR charged IN
        WITH gone AS (DELETE FROM token_charges AS c WHERE c.key_id = wanted_key RETURNING c.number, c.tokens, c.at)
        SELECT * FROM gone ORDER BY gone.number
    LOOP
        had.tokens := CASE WHEN tokens_per_minute IS NULL THEN 0 ELSE greatest(
            0, had.tokens - greatest(0, charged.at - had.tokens_at) * tokens_per_minute / 60.0) END
            + charged.tokens;
        had.tokens_at := charged.at;
        today := floor(charged.at / 86400);
        IF today > had.day THEN
            had.day := today;
            had.day_tokens := 0;
        END IF;
        had.day_tokens := had.day_tokens + charged.tokens;
    END LOOP;
    had.requests := CASE WHEN requests_per_minute IS NULL THEN 0 ELSE greatest(
        0, had.requests - greatest(0, moment - had.requests_at) * requests_per_minute / 60.0) END;
    had.tokens := CASE WHEN tokens_per_minute IS NULL THEN 0 ELSE greatest(
        0, had.tokens - greatest(0, moment - had.tokens_at) * tokens_per_minute / 60.0) END;
    today := floor(moment / 86400);
    IF today > had.day THEN
        had.day := today;
        had.day_tokens := 0;
    END IF;{day_ahead}
    IF only_quota IS NULL AND opened > greatest(0, max_open - wanted) THEN
        quota := 'max_open';
        used := opened;
    END IF;
    retry := greatest(0, had.requests - greatest(0, requests_per_minute - wanted)) * 60.0 / requests_per_minute;
    IF retry > 1e-6 AND retry > coalesce(retry_seconds, 0) THEN
        quota := 'requests_per_minute';
        used := had.requests;
        retry_seconds := retry;
    END IF;
    retry := greatest(0, had.tokens - (tokens_per_minute - 1)) * 60.0 / tokens_per_minute;
    IF only_quota IS NULL AND retry > 1e-6 AND retry > coalesce(retry_seconds, 0) THEN
        quota := 'tokens_per_minute';
        used := had.tokens;
        retry_seconds := retry;
    END IF;
    retry := (had.day + 1) * 86400 - moment;
    IF only_quota IS NULL AND had.day_tokens >= tokens_per_day AND retry > coalesce(retry_seconds, 0) THEN
        quota := 'tokens_per_day';
        used := had.day_tokens;
        retry_seconds := retry;
    END IF;
    UPDATE key_usage AS kept SET
        requests = had.requests + CASE WHEN quota IS NULL THEN wanted ELSE 0 END, requests_at = moment,
        tokens = had.tokens, tokens_at = moment, day = had.day, day_tokens = had.day_tokens
        WHERE kept.key_id = wanted_key;
END
$$;
"""  # noqa: S608


_FIRST_OF_ALL = """\
            SELECT min(sequence + 0) INTO first_turn FROM judgments
                WHERE cohort = given.cohort AND tenant || '' = given.tenant;
"""
# A cohort whose judgments have all ended, and that no open group asks to be judged together, is over: another one of
# its name has no turn before those that wait.
_FIRST_OF_OPEN = """\
            SELECT min(coalesce(turn, sequence) + 0) INTO first_turn FROM judgments
                WHERE cohort = given.cohort AND tenant || '' = given.tenant
                    AND (state IN ('queued', 'running') OR EXISTS (
                        SELECT 1 FROM group_members JOIN groups ON groups.id = grp
                        WHERE judgment_id = judgments.id AND groups.state IN ('open', 'judging')));
"""


def accept_judgments(lock: int, create: str = "CREATE", first_turn: str = _FIRST_OF_ALL) -> str:
    """The function that accepts judgments, one after the other under the advisory lock `lock`.

    Its plans are made while the tables are empty, and stay. So each look-up is written for one index alone:
    `tenant || ''` and `sequence + 0` keep the planner from walking through all rows of a tenant.
    """
    return f"""
{create} FUNCTION accept_judgments(
    ids text[], tenants text[], requests text[], metadatas text[], createds double precision[], keys text[],
    bodies text[], workers text[], leases double precision[], flights text[], cohorts text[], limits bigint[],
    key_ids text[], counts bigint[], key_opens bigint[], key_requests bigint[], key_tokens bigint[],
    key_days bigint[]
) RETURNS TABLE (
    place bigint, outcome text, found_id text, token bigint, open_count bigint, used double precision,
    retry_seconds double precision
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given record;
    earlier record;
    refused record;
    opened bigint;
    opened_by_key jsonb := '{{}}';
    key_opened bigint;
    first_id text;
    first_turn bigint;
BEGIN
    -- Whoever accepts counts what the others have accepted, and nobody waits inside: one statement, one commit.
    PERFORM pg_advisory_xact_lock({lock});
    SELECT count(*) INTO opened FROM judgments WHERE state IN ('queued', 'running');
    FOR given IN SELECT * FROM unnest(
        ids, tenants, requests, metadatas, createds, keys, bodies, workers, leases, flights, cohorts, limits,
        key_ids, counts, key_opens, key_requests, key_tokens, key_days
    ) WITH ORDINALITY AS new (
        id, tenant, request, metadata, created, key, body, worker, lease_seconds, flight, cohort, max_open,
        key_id, count, key_open, key_requests, key_tokens, key_day, place
    ) ORDER BY place LOOP
        place := given.place;
        found_id := given.id;
        token := 0;
        open_count := opened;
        used := NULL;
        retry_seconds := NULL;
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
        IF given.count > 0 AND opened >= given.max_open THEN
            outcome := 'full';
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF given.count > 0 AND coalesce(
            given.key_open, given.key_requests, given.key_tokens, given.key_day) IS NOT NULL
        THEN
            key_opened := 0;
            IF given.key_open IS NOT NULL THEN
                IF NOT opened_by_key ? given.key_id THEN
                    SELECT count(*) INTO key_opened FROM judgments
                        WHERE key_id = given.key_id AND key_id <> '' AND state IN ('queued', 'running');
                    opened_by_key := opened_by_key || jsonb_build_object(given.key_id, key_opened);
                END IF;
                key_opened := (opened_by_key ->> given.key_id)::bigint;
            END IF;
            SELECT * INTO refused FROM take_of_key(
                given.key_id, given.count, NULL, given.key_open, given.key_requests, given.key_tokens,
                given.key_day, key_opened);
            IF refused.quota IS NOT NULL THEN
                outcome := refused.quota;
                used := refused.used;
                retry_seconds := refused.retry_seconds;
                RETURN NEXT;
                CONTINUE;
            END IF;
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
{first_turn}        END IF;
        token := CASE WHEN given.worker IS NOT NULL AND first_id IS NULL THEN 1 ELSE 0 END;
        INSERT INTO judgments (
            id, tenant, state, request, metadata, created, idempotency_key, body_sha256, worker, lease, lease_until,
            flight_key, leader, cohort, turn, key_id, is_metered
        ) VALUES (
            given.id, given.tenant, CASE token WHEN 1 THEN 'running' ELSE 'queued' END, given.request,
            given.metadata, given.created, given.key, given.body, CASE token WHEN 1 THEN given.worker END, token,
            CASE token WHEN 1 THEN clock_timestamp() + given.lease_seconds * interval '1 second'
                ELSE '-infinity' END,
            given.flight, first_id, given.cohort, first_turn, given.key_id,
            coalesce(given.key_tokens, given.key_day) IS NOT NULL
        );
        opened := opened + 1;
        IF opened_by_key ? given.key_id THEN
            opened_by_key := opened_by_key
                || jsonb_build_object(given.key_id, (opened_by_key ->> given.key_id)::bigint + 1);
        END IF;
        outcome := 'kept';
        RETURN NEXT;
    END LOOP;
END
$$;
"""  # noqa: S608


def quotas_step(lock: int) -> str:
    """The step: who posted a judgment, what keys may use and have used, and acceptance that counts it."""
    return (
        """
    ALTER TABLE judgments ADD COLUMN key_id text NOT NULL DEFAULT '';
    ALTER TABLE judgments ADD COLUMN is_metered boolean NOT NULL DEFAULT false;
    DROP INDEX judgments_waiting;
    CREATE INDEX judgments_waiting ON judgments (tenant, key_id, coalesce(turn, sequence), sequence)
        WHERE state = 'queued';
    CREATE INDEX judgments_keys ON judgments (key_id) WHERE key_id <> '' AND state IN ('queued', 'running');
    CREATE TABLE key_limits (
        key_id text PRIMARY KEY,
        max_open bigint,
        requests_per_minute bigint,
        tokens_per_minute bigint,
        tokens_per_day bigint
    );
    CREATE TABLE key_usage (
        key_id text PRIMARY KEY,
        requests double precision NOT NULL DEFAULT 0,
        requests_at double precision NOT NULL DEFAULT 0,
        tokens double precision NOT NULL DEFAULT 0,
        tokens_at double precision NOT NULL DEFAULT 0,
        day bigint NOT NULL DEFAULT 0,
        day_tokens bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50);
    CREATE TABLE token_charges (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key_id text NOT NULL,
        tokens bigint NOT NULL,
        at double precision NOT NULL
    );
    CREATE INDEX token_charges_key ON token_charges (key_id);
    DROP FUNCTION accept_judgments(
        text[], text[], text[], text[], double precision[], text[], text[], text[], double precision[], text[],
        text[], bigint[]
    );
    """
        + _take_of_key("CREATE", _DAY_AHEAD_STAYS)
        + accept_judgments(lock)
    )


def clocks_step() -> str:
    """The step: a clock that was ahead once does not close a key until the date that it told."""
    return _take_of_key("CREATE OR REPLACE", _DAY_AHEAD_IS_TODAY)


def turns_step(lock: int) -> str:
    """The step: the turn of a cohort is that of its first judgment that is open, or is of an open group."""
    return accept_judgments(lock, "CREATE OR REPLACE", _FIRST_OF_OPEN)
