"""Looks into a destination in a process of its own: `python -m connectors.destinations.peek`.

One JSON object comes in on the standard input, one goes out: whoever asks loads nothing heavy, and can end the process
when it takes too long. Of the installation's settings it knows those that it is given.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from typing import Any

from django.conf import settings

from connectors.destinations import registry
from connectors.plan import Endpoint, SyncError

# Beyond it the process ends by itself, whatever a file holds.
_MOST_BYTES = 4 * 1024**3


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked for: tables, or the first rows of one; or the code of what went wrong."""
    endpoint = Endpoint(asked["kind"], asked["config"], asked["secrets"])
    destination = registry.destination(endpoint.kind)
    try:
        if asked["table"]:
            shown = destination.preview(endpoint, asked["dataset"], asked["table"], asked["limit"])
            return {"preview": asdict(shown)}
        return {"tables": [asdict(one) for one in destination.list_loaded(endpoint, asked["dataset"])]}
    except SyncError as error:
        return {"code": error.code, "detail": error.detail}


def main() -> None:
    """Answer the question on the standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    asked = json.load(sys.stdin)
    settings.configure(**asked["settings"])
    json.dump(answer(asked), sys.stdout)


if __name__ == "__main__":
    main()
