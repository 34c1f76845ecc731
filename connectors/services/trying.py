"""Asks a declared API once while a person writes the declaration. Nothing is stored."""

from __future__ import annotations

from dataclasses import replace

from connectors.models import Connection
from connectors.plan import Endpoint, SyncError
from connectors.providers.rest_api.trial import Trial, try_resource
from connectors.secrets import Redactor
from connectors.services.asking import ask_in_time
from connectors.services.configure import SignIn, proposed_endpoint


def try_declared(*, provider: str, connection: Connection | None, proposed: SignIn, resource: str) -> Trial:
    """Return what the first page of a resource holds, or why there is none, with secrets removed.

    Stored secrets of `connection` are used where none are typed, and only for the place that they are stored for.
    Raises `SecretsNeededError` for another one.
    """
    endpoint = (
        proposed_endpoint(connection, proposed)
        if connection is not None
        else Endpoint(provider, proposed.config, dict(proposed.secrets))
    )
    hide = Redactor(endpoint.secrets.values())
    try:
        found = ask_in_time(lambda: try_resource(endpoint, resource))
    except SyncError as error:
        return Trial(code=error.code, words=hide(error.detail))
    return replace(found, next=hide(found.next), address=hide(found.address), hint=hide(found.hint))
