"""What takes the secrets of one connection out of text that leaves the installation."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from connectors.models import Connection
from connectors.scrub import Scrubber, secrets_among
from connectors.secrets import UnreadableSecretError


def scrubber_for(connection_id: UUID) -> Scrubber:
    """Return a scrubber that knows the credentials of a connection and its destination, and our own keys. One query.

    Stored credentials that cannot be opened are unknown to whoever wrote a text, too.
    """
    columns = ("credentials", "config", "runbook_url", "destination__credentials", "destination__config")
    found = Connection.everything.select_related("destination").only(*columns).get(pk=connection_id)
    return Scrubber([*_of_connection(found), *_of_installation()])


def _of_connection(connection: Connection) -> Iterator[str]:
    yield from secrets_among({"runbook": connection.runbook_url})
    for owner in (connection, connection.destination):
        if owner is not None:
            yield from secrets_among(owner.config)
            try:
                yield from owner.read_credentials().values()
            except (UnreadableSecretError, ImproperlyConfigured):
                continue


def _of_installation() -> Iterator[str]:
    yield settings.SECRET_KEY
    yield settings.PATCHBAY_SANDBOX_API_KEY
    yield from settings.PATCHBAY_ENCRYPTION_KEYS
    yield from (str(database.get("PASSWORD") or "") for database in settings.DATABASES.values())
