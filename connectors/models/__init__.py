"""What is connected: connections, their entities and tables, destinations and pauses.

The connection and the entity carry the facts that lists show (last success, streak, next run, status and its
reason, the last 30 runs), so that a list never reads history. Only services write them.
"""

from connectors.models.activity import BY_ITSELF, Activity, ActivityQuerySet
from connectors.models.base import BROKEN_AFTER, ScheduleKind, Status, SyncFacts
from connectors.models.connection import (
    EXPIRING_SOON,
    FAR_AHEAD,
    LONG_AGO,
    OUTAGE_CODES,
    Connection,
    ConnectionQuerySet,
    KeptConnections,
    SchemaPolicy,
    SetupStep,
    Tag,
)
from connectors.models.destination import Destination, DestinationQuerySet
from connectors.models.entity import Entity, EntityQuerySet, Outcome
from connectors.models.name import Name, NameQuerySet
from connectors.models.pause import Pause, PauseQuerySet
from connectors.models.schema import ChangeKind, ChangeStatus, SchemaChange, SchemaChangeQuerySet
from connectors.models.table import Mode, Table, TableQuerySet
from connectors.models.upload import GOOD, Upload, UploadQuerySet, UploadStatus, with_whole_set

__all__ = (
    "BROKEN_AFTER",
    "BY_ITSELF",
    "EXPIRING_SOON",
    "FAR_AHEAD",
    "GOOD",
    "LONG_AGO",
    "OUTAGE_CODES",
    "Activity",
    "ActivityQuerySet",
    "ChangeKind",
    "ChangeStatus",
    "Connection",
    "ConnectionQuerySet",
    "Destination",
    "DestinationQuerySet",
    "Entity",
    "EntityQuerySet",
    "KeptConnections",
    "Mode",
    "Name",
    "NameQuerySet",
    "Outcome",
    "Pause",
    "PauseQuerySet",
    "ScheduleKind",
    "SchemaChange",
    "SchemaChangeQuerySet",
    "SchemaPolicy",
    "SetupStep",
    "Status",
    "SyncFacts",
    "Table",
    "TableQuerySet",
    "Tag",
    "Upload",
    "UploadQuerySet",
    "UploadStatus",
    "with_whole_set",
)
