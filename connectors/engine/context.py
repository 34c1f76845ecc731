"""Keeps dlt to itself: no configuration from environment variables, TOML files or the working directory, no telemetry.

dlt resolves every setting through its run context. Ours knows one provider with one dictionary, and points all of
its folders into the attempt's own folder. Names and values: dlt 1.31, and RELIABILITY “dlt profile”.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.doc import BaseDocProvider
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.run_context import RunContext

SETTINGS: dict[str, Any] = {
    "runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL", "intercept_signals": False},
    "providers": {"enable_airflow_secrets": False, "enable_google_secrets": False, "enable_aws_secrets": False},
    # One resource after the other: all tables of a source share one connection and one snapshot.
    "extract": {"next_item_mode": "fifo", "workers": 1, "max_parallel_items": 1},
    "normalize": {"workers": 1, "data_writer": {"disable_compression": True}},
    "data_writer": {"disable_compression": True},
    "load": {
        "raise_on_failed_jobs": True,
        "raise_on_max_retries": 2,
        "auto_abort_on_terminal_error": True,
        "truncate_staging_dataset": True,
        "delete_completed_jobs": True,
    },
    "enable_runtime_trace": False,
    "restore_from_destination": True,
}


class _Provider(BaseDocProvider):
    """The one place that dlt asks for settings."""

    NAME: ClassVar[str] = "Patchbay"

    @property
    def name(self) -> str:
        return self.NAME

    @property
    def supports_secrets(self) -> bool:
        return True

    @property
    def supports_sections(self) -> bool:
        return True


class _Context(RunContext):
    """A run context whose every folder is `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder = str(folder)

    @property
    def global_dir(self) -> str:
        return self._folder

    @property
    def run_dir(self) -> str:
        return self._folder

    @property
    def local_dir(self) -> str:
        return self._folder

    @property
    def settings_dir(self) -> str:
        return self._folder

    @property
    def data_dir(self) -> str:
        return self._folder

    def initial_providers(self) -> list[ConfigProvider]:
        return [_Provider(SETTINGS)]


def enter(folder: Path) -> None:
    """Make dlt use our settings and `folder` from now on in this process, until the next call.

    The context is put in place, not asked for first: asking would build dlt's default one, which reads the
    environment and the working directory and starts telemetry.
    """
    Container()[PluggableRunContext] = PluggableRunContext(_Context(folder))
