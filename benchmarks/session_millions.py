"""An installation with half a year of sessions, written by one SQL statement.

For measurements of pages: the sessions carry the facts that events would have left, and have no events. Sessions are
spread over the days up to now with UUIDv7 ids of the moment they were made. One link in seven is never opened; the
rest leave stage by stage, at some providers more than at others, and three in five connect. `adp` loses twice as many
at sign-in. Times at stages are log-normal; one session in five has a finding.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from benchmarks.installation import Installation, say

SESSIONS, DAYS = 1_000_000, 180
# The two that are in the catalogue, and such as others have.
PROVIDERS = (
    *("sandbox_payroll", "adp", "postgres", "gusto", "rippling", "personio", "ukg", "workday", "bamboo", "paychex"),
)
# The chance to leave at each stage from the first page on, in thousandths; who leaves nowhere connects.
_LEAVE = (4, 120, 75, 150, 30, 25, 60)
# Seconds that half of all take at each stage from the first page on.
_SECONDS = (2, 18, 22, 55, 30, 12, 9)
_FINDINGS = ("terms_exited", "sign_in_refused", "help_opened", "provider_changed", "permission_missing", "came_back")
_INSERT = """
INSERT INTO sessions_log_session (
    id, kind, origin, config, is_provider_fixed, products, end_user_name, end_user_email, reference, return_url,
    created_at, expires_at, sealed, terms_version, status, provider, stage, furthest, opened_at, last_event_at,
    ended_at, took_ms, stage_ms, error_code, findings, event_count, changed_at
)
SELECT
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex((d * 4095)::int), 3, '0')
        || to_hex(8 + (e * 4)::int %% 4) || lpad(to_hex((f * 1152921504606846975)::bigint), 15, '0'))::uuid,
    CASE WHEN f < 0.8 THEN 'first' ELSE 'reconnect' END, 'hosted', '{}', f >= 0.8, '[]',
    'Company ' || number, 'person' || number || '@example.com', 'ref-' || number, '',
    at, at + '3 days', '', '', status,
    CASE WHEN furthest < 4 AND f < 0.8 THEN '' ELSE provider END,
    (%(stages)s::text[])[furthest + 1], furthest,
    CASE WHEN furthest > 0 THEN at + '1 hour' END, CASE WHEN furthest > 0 THEN at + '65 min' END,
    CASE WHEN status IN ('created', 'opened') THEN NULL ELSE at + '70 min' END,
    CASE WHEN furthest > 0 THEN (SELECT sum(value::bigint) FROM jsonb_each_text(stage_ms)) END, stage_ms,
    CASE WHEN furthest = 4 AND status = 'failed' THEN 'account_locked' WHEN furthest = 4 THEN 'invalid_credentials'
        ELSE '' END,
    CASE WHEN furthest > 1 AND e < 0.2
        THEN jsonb_build_array(jsonb_build_object('code', (%(findings)s::text[])[1 + floor(e * 29.9)::int], 'count', 3))
        ELSE '[]' END,
    4 * furthest, least(at + '70 min', %(until)s - '10 min'::interval)
FROM (
    SELECT *, CASE
        WHEN furthest = 8 THEN 'completed' WHEN at > %(until)s - '15 min'::interval AND furthest > 0 THEN 'opened'
        WHEN furthest = 0 AND at > %(until)s - '3 days'::interval THEN 'created' WHEN furthest = 0 THEN 'expired'
        WHEN d < 0.3 THEN 'exited' WHEN furthest = 4 AND d < 0.4 THEN 'failed' ELSE 'abandoned' END AS status,
        (SELECT coalesce(jsonb_object_agg(
            (%(stages)s::text[])[place + 1],
            ((%(seconds)s::int[])[place] * 1000
                * exp(0.8 * sqrt(-2 * ln(random() + 1e-9)) * cos(6.283 * random() + number * 0)))::bigint
        ), '{}') FROM generate_series(1, least(furthest, 7)) AS place WHERE place <> 5 OR c < 0.6) AS stage_ms
    FROM (
        SELECT *, CASE WHEN a < 0.14 THEN 0 ELSE coalesce((
            SELECT min(place) FROM generate_series(1, 7) AS place
            WHERE random() + number * 0 < (%(leave)s::int[])[place] / 1000.0
                * CASE WHEN place = 4 AND provider = 'adp' THEN 2 ELSE 1 END
        ), 8) END AS furthest
        FROM (
            SELECT number, %(since)s::timestamptz + %(step)s * number * interval '1 s' AS at,
                (%(providers)s::text[])[1 + floor(%(many)s * random() ^ 1.7)::int] AS provider,
                random() AS a, random() AS c, random() AS d, random() AS e, random() AS f
            FROM generate_series(0, %(sessions)s - 1) AS number
        ) AS dice OFFSET 0
    ) AS came OFFSET 0
) AS row
"""


def fill(here: Installation, *, sessions: int = SESSIONS, days: int = DAYS) -> None:
    """Write so many sessions over the last `days`, and print what that took."""
    del here  # its database is the one that Django knows
    began = time.monotonic()
    write(sessions, days, datetime.now(UTC))
    say(f"{sessions:,} sessions over {days} days, in {time.monotonic() - began:.0f} s")


def write(sessions: int, days: int, until: datetime) -> None:
    """Write so many sessions over the days up to `until`."""
    from django.db import connection  # noqa: PLC0415 - Django is set up late

    from sessions_log.stages import STAGES  # noqa: PLC0415 - likewise

    since = until - timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            _INSERT,
            {
                "stages": list(STAGES),
                "findings": list(_FINDINGS),
                "leave": list(_LEAVE),
                "seconds": list(_SECONDS),
                "providers": list(PROVIDERS),
                "many": len(PROVIDERS),
                "sessions": sessions,
                "since": since,
                "until": until,
                "step": (until - since).total_seconds() / sessions,
            },
        )
        # As autovacuum would have done by and by.
        cursor.execute("VACUUM ANALYZE sessions_log_session")
        cursor.execute("SET statement_timeout = 30000")
