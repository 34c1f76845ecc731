"""What runs in which version, for the System page."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import django
from django.conf import settings
from django.core.cache import cache
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor

from connectors.providers import registry as providers
from dashboard.formatting import NOT_APPLICABLE
from jobs.services.health import Health

_KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One line of the card."""

    name: str
    value: str
    note: str = ""


def versions_of(health: Health) -> tuple[VersionLine, ...]:
    """Return the versions of everything that runs."""
    same = sum(worker.version == settings.VERSION for worker in health.workers)
    workers = f"workers {same} of {len(health.workers)}" if health.workers else "no worker was heard from"
    open_migrations = _open_migrations()
    return (
        VersionLine("Patchbay", settings.VERSION, workers),
        VersionLine("Migrations", f"{open_migrations} to apply" if open_migrations else "Up to date"),
        VersionLine("Python, Django", f"{platform.python_version()}, {django.get_version()}"),
        VersionLine("Celery, dlt", f"{_installed('celery')}, {_installed('dlt')}"),
        VersionLine("PostgreSQL, Redis", f"{health.database.version}, {health.redis.version or NOT_APPLICABLE}"),
        VersionLine("Providers", str(len(providers.kinds()))),
    )


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_APPLICABLE


def _open_migrations() -> int:
    """Count the migrations that the database still lacks, once a minute in each process."""
    kept: int | None = cache.get("system.migrations")
    if kept is None:
        executor = MigrationExecutor(database)
        kept = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        cache.set("system.migrations", kept, _KEPT_SECONDS)
    return kept
