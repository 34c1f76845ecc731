"""Files of this machine that people may name as a source: only below the folders that an admin listed.

Nobody reads `/etc` by typing it: what is named must lie below one of PATCHBAY_FILE_FOLDERS, without “..”, and no part
of the way may be a link, since a link leads wherever whoever can write there wants.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from django.conf import settings

from connectors.plan import SyncError


def allowed_folders() -> tuple[Path, ...]:
    """Return the folders below which files may be read: PATCHBAY_FILE_FOLDERS."""
    return tuple(Path(folder).absolute() for folder in settings.PATCHBAY_FILE_FOLDERS)


def find(named: str) -> Path:
    """Return the path of what a person `named`: whole, or as it is called below one of the allowed folders.

    Where several folders have it, the first one counts. Raises `SyncError("misconfigured")` for what lies elsewhere,
    leads over a link, or is not there.
    """
    folders = allowed_folders()
    if not folders:
        message = "No folder may be read here. An admin lists them in PATCHBAY_FILE_FOLDERS."
        raise SyncError("misconfigured", message)
    asked = PurePosixPath(named.strip())
    if not named.strip() or "\x00" in named or ".." in asked.parts:
        raise SyncError(
            "misconfigured", f"“{named}” is no usable path: it must be below an allowed folder, without “..”."
        )
    candidates = [folder / inner for folder in folders if (inner := _below(folder, asked)) is not None]
    if not candidates:
        raise SyncError("misconfigured", f"“{named}” is not below an allowed folder.")
    for path in candidates:
        if _exists(path):
            return path
    raise SyncError("misconfigured", f"“{named}” is not there.")


def _below(folder: Path, asked: PurePosixPath) -> PurePosixPath | None:
    if not asked.is_absolute():
        return asked
    return asked.relative_to(folder) if asked.is_relative_to(folder) else None


def _exists(path: Path) -> bool:
    """Whether it is there. Raises `SyncError("misconfigured")` where a part of the way is a link."""
    try:
        is_linked = any(step.is_symlink() for folder in allowed_folders() for step in _way(folder, path))
        is_there = path.exists()
    except OSError:
        return False
    if is_linked:
        raise SyncError("misconfigured", f"“{path.name}” is reached over a link, which is not followed.")
    return is_there


def _way(folder: Path, path: Path) -> list[Path]:
    """Return each step from below `folder` to `path`; none where it lies elsewhere."""
    steps = [path, *path.parents]
    return steps[: steps.index(folder)] if folder in steps else []
