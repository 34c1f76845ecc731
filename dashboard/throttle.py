"""Limits how often somebody may ask, counted in Redis in one step, so that a burst in parallel exceeds by nothing.

A counter lives for one window of time. Redis is never what a page depends on: while it is away nobody is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest

log = structlog.get_logger(__name__)

# Counts, and starts the window with the first one; returns the count and the milliseconds that are left.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""
# Seconds. A page does not wait for it.
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` times in `seconds`."""

    name: str
    count: int
    seconds: int


def wait_seconds(limit: Limit, who: str) -> int:
    """Count one time of `who`, and return how many seconds he must wait: 0 while he may go on."""
    key = f"{_prefix()}limit:{limit.name}:{blake2b(who.encode(), digest_size=12).hexdigest()}"
    try:
        count, left = _client(settings.CELERY_BROKER_URL).eval(_COUNT, 1, key, limit.seconds * 1000)
    except (redis.RedisError, OSError) as error:
        log.warning("Redis is away; a limit is not counted", limit=limit.name, reason=type(error).__name__)
        return 0
    return max(1, -(-int(left) // 1000)) if int(count) > limit.count else 0


def address_of(request: HttpRequest) -> str:
    """Return the address that a request comes from; behind a proxy of ours the one that it names last."""
    told = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return told.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))


@lru_cache
def _client(url: str) -> Any:
    """Return the client of the broker's server, whose connections are shared by the threads of the process."""
    parts = urlsplit(url)
    patience: dict[str, Any] = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
    if parts.scheme == "redis+socket":
        return redis.Redis(unix_socket_path=parts.path, **patience)
    return redis.Redis.from_url(urlunsplit(parts), **patience)


def _prefix() -> str:
    return str(settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"])
