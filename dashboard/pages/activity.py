"""The words of every act that a service records: the one place for them, so that an act without words fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.services.describe import SEVERAL


@dataclass(frozen=True, slots=True)
class Words:
    """How an act is told. `sentence` holds `{subject}`, what it was done to; `kind` is its name in the filter."""

    kind: str
    sentence: str
    through: str


# Every action that a service records has its words here, and a test looks that none is missing.
WORDS: Mapping[str, Words] = {
    "connection.created": Words("Connection created", "Created {subject}", "Setup"),
    "connection.set_up": Words("Setup finished", "Finished the setup of {subject}", "Setup"),
    "connection.connected": Words("Connected by an end user", "An end user connected {subject}", "Connect link"),
    "connection.reconnected": Words("Signed in anew", "An end user signed in to {subject} anew", "Connect link"),
    "connection.duplicated": Words("Connection duplicated", "Made {subject} as a copy", "Connections"),
    "connection.configured": Words("Settings changed", "Changed the setup of {subject}", "Setup"),
    "connection.credentials_replaced": Words("Credentials replaced", "Replaced a credential of {subject}", "Setup"),
    "connection.tables_chosen": Words("Tables chosen", "Changed which tables {subject} copies", "Setup"),
    "connection.table_changed": Words("Table settings changed", "Changed how a table of {subject} is copied", "Schema"),
    "connection.policy_changed": Words("Schema policy changed", "Changed the schema policy of {subject}", "Schema"),
    "connection.schema_accepted": Words(
        "Schema change accepted", "Accepted changes at the source of {subject}", "Schema"
    ),
    "connection.schema_ignored": Words("Schema change ignored", "Ignored changes at the source of {subject}", "Schema"),
    "connection.schema_reopened": Words(
        "Schema change taken up again", "Took up ignored changes at the source of {subject} again", "Schema"
    ),
    "connection.rescheduled": Words("Schedule changed", "Changed the schedule of {subject}", "Setup"),
    "connection.renamed": Words("Renamed", "Renamed {subject}", "Setup"),
    "connection.owner_changed": Words("Owner changed", "Changed the owner of {subject}", "Setup"),
    "connection.runbook_changed": Words("Runbook changed", "Changed the runbook of {subject}", "Setup"),
    "connection.end_noted": Words("End of credentials noted", "Noted when the credentials of {subject} end", "Setup"),
    "connection.described": Words("Description changed", "Changed the description of {subject}", "Setup"),
    "connection.tagged": Words("Tags changed", "Changed the tags of {subject}", "Setup"),
    SEVERAL: Words("Several notes changed", "Changed what people are told about {subject}", "Setup"),
    "connection.file_uploaded": Words("File uploaded", "Uploaded a file for {subject}", "Files"),
    "connection.file_withdrawn": Words("File taken back", "Took back a file of {subject}", "Files"),
    "connection.files_delivered": Words("Files delivered", "An end user delivered files for {subject}", "Connect link"),
    "connection.paused": Words("Paused", "Paused {subject}", "Connections"),
    "connection.resumed": Words("Resumed", "Resumed {subject}", "Connections"),
    "connection.resync_started": Words(
        "Historical re-sync started", "Started a historical re-sync of {subject}", "Connections"
    ),
    "connection.purge_started": Words("Purge started", "Started to purge what {subject} loaded", "Connections"),
    "connection.rows_seen": Words("Rows looked at", "Looked at loaded rows of {subject}", "Data"),
    "connection.action_started": Words(
        "Write-back started", "Started a change at the source of {subject}", "Connections"
    ),
    "connection.deleted": Words("Connection deleted", "Deleted {subject}", "Connections"),
    "entity.excluded": Words("Entity excluded", "Excluded an entity of {subject}", "Job history"),
    "entity.included": Words("Entity included", "Included an entity of {subject} again", "Job history"),
    "destination.created": Words("Destination added", "Added the destination {subject}", "Destinations"),
    "destination.changed": Words("Destination changed", "Changed the destination {subject}", "Destinations"),
    "destination.checked": Words("Destination tested", "Tested the destination {subject}", "Destinations"),
    "destination.deleted": Words("Destination deleted", "Deleted the destination {subject}", "Destinations"),
    "link.created": Words("Connect link made", "Made a connect link for {subject}", "Sessions"),
    "link.sent": Words("Connect link sent", "Sent a connect link for {subject} by e-mail", "Sessions"),
    "link.withdrawn": Words("Connect link withdrawn", "Withdrew a connect link for {subject}", "Sessions"),
    "ingest_key.created": Words("Ingest key made", "Made the ingest key {subject}", "Settings"),
    "ingest_key.revoked": Words("Ingest key revoked", "Revoked the ingest key {subject}", "Settings"),
    "look.changed": Words("Connect flow changed", "Changed {subject}", "Settings"),
    "job.bundle_downloaded": Words(
        "Support bundle downloaded", "Downloaded the support bundle of a job of {subject}", "Jobs"
    ),
    "job.cancelled": Words("Job cancelled", "Cancelled a job of {subject}", "Jobs"),
}


def words_of(action: str) -> Words:
    """Return the words of an action; of one that an older version recorded, its code."""
    return WORDS.get(action) or Words(action, f"{action}: {{subject}}", "")
