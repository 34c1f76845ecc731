"""Small private files of the home folder, always whole: written beside their place and renamed."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from dashboard.stack.errors import StackError


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``, readable by its owner only (mode 600); a crash leaves the old or the new file."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``, an empty one when there is no file; raise StackError when it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        message = f"Cannot read {path}: {error}"
        raise StackError(message) from error
    if not isinstance(value, dict):
        message = f"Cannot read {path}: it should hold a JSON object."
        raise StackError(message)
    return value


def package_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it; raise StackError when it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        message = f"The package {package} is missing from the installation: remove .venv and start again."
        raise StackError(message)
    return Path(spec.submodule_search_locations[0])
