"""The registry of error codes: what every failure means, who acts, and whether a retry helps.

The page, the log and later the API and webhooks show the same entry. A code without an entry cannot be stored:
`entry()` raises for it, and a test walks every code that the project names.
The retry classes and waits are those of the reliability rules: transient failures wait 30 s · 2ⁿ with jitter, at
most five attempts; a failure that a person must mend is not tried again by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Actor = Literal["operator", "end_user", "provider", "us", "nobody"]
ActionKind = Literal["edit_credentials", "sync_now", "open_docs", "wait", "resume", "contact_admin"]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do next: a title, a sentence, and the kind of button where we can do it."""

    title: str
    hint: str
    kind: ActionKind = "wait"


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """What one code means. Texts may hold `{source}`, `{destination}` and `{entity}`, filled by `told`.

    `short` is the two or three words beside a status; `max_attempts` of 1 means that a retry does not help.
    `breaks` says that a person must act, so the entity is broken at once instead of after three failures.
    `holds` stops the schedule until then, since each further try could lock the account.
    """

    code: str
    short: str
    title: str
    cause: str
    who: Actor
    end_user_text: str
    actions: tuple[Action, ...]
    max_attempts: int = 1
    first_wait_seconds: int = 30
    breaks: bool = False
    holds: bool = False

    @property
    def is_retryable(self) -> bool:
        """Whether trying again without a person's help can end in success."""
        return self.max_attempts > 1


_SYNC_NOW = Action("Sync again", "Starts one run now. Nothing that was loaded is lost or doubled.", "sync_now")
_CHECK_LATER = Action("Wait for the next attempt", "Patchbay tries again by itself; this page shows when.")
_ASK_ADMIN = Action("Ask an admin of Patchbay", "The cause is in this installation, not in your data.", "contact_admin")

_ENTRIES = (
    ErrorEntry(
        code="invalid_credentials",
        short="Sign-in refused",
        title="{source} refused the sign-in",
        cause="The user name, password or API key that is stored here is not accepted any more. It was changed or "
        "removed at the source, or typed wrong. Patchbay does not try again by itself, so that the account is not "
        "locked.",
        who="operator",
        end_user_text="Your sign-in was refused. Connect again with the current password or key.",
        actions=(
            Action(
                "Renew the credentials",
                "Ask the owner of {source} for the current password or key and store it in this connection.",
                "edit_credentials",
            ),
            Action("Sync again", "After the credentials are right, one run brings everything up to date.", "sync_now"),
        ),
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="insufficient_permissions",
        short="Permission missing",
        title="{source} does not let this account read the data",
        cause="The sign-in works, but the account may not read one of the selected tables.",
        who="operator",
        end_user_text="The account you connected may not read the data. Ask your administrator to allow it.",
        actions=(
            Action("Grant the account read access", "The log names the table that was refused."),
            _SYNC_NOW,
        ),
        breaks=True,
    ),
    ErrorEntry(
        code="entity_access_lost",
        short="Access withdrawn",
        title="{source} no longer gives access to {entity}",
        cause="The sign-in works and other companies still sync, but this company withdrew its access or was closed.",
        who="end_user",
        end_user_text="Access to this company was withdrawn. Give it again to go on syncing.",
        actions=(
            Action("Ask the company to give access again", "In {source} an administrator of the company can allow it."),
            _SYNC_NOW,
        ),
        breaks=True,
    ),
    ErrorEntry(
        code="unreachable",
        short="Not reachable",
        title="{source} cannot be reached",
        cause="Nothing answers at the host and port of this connection. The server is down, a firewall is in the way, "
        "or host or port are wrong.",
        who="operator",
        end_user_text="The service cannot be reached at the moment.",
        actions=(Action("Check host and port", "And whether the server is up and lets this machine in."), _SYNC_NOW),
        max_attempts=5,
    ),
    ErrorEntry(
        code="dns_failure",
        short="Host unknown",
        title="The host name of {source} cannot be found",
        cause="The name server does not know the host name of this connection. It is mistyped, or was removed.",
        who="operator",
        end_user_text="The address of the service cannot be found.",
        actions=(
            Action("Check the spelling of the host name", "A name server may also need time after a change."),
            _SYNC_NOW,
        ),
        max_attempts=3,
    ),
    ErrorEntry(
        code="connection_timeout",
        short="No answer in time",
        title="{source} did not answer in time",
        cause="The connection was opened, but no answer came within the time limit. The source is overloaded, or the "
        "network in between is slow.",
        who="provider",
        end_user_text="The service takes too long to answer. We try again by ourselves.",
        actions=(_CHECK_LATER, _SYNC_NOW),
        max_attempts=5,
    ),
    ErrorEntry(
        code="tls_error",
        short="Encryption failed",
        title="The encrypted connection to {source} failed",
        cause="The certificate does not fit the host name, has expired, or both sides share no protocol version.",
        who="operator",
        end_user_text="A secure connection to the service could not be made.",
        actions=(
            Action("Renew or correct the certificate at the source", "The log holds the exact reason."),
            _SYNC_NOW,
        ),
        breaks=True,
    ),
    ErrorEntry(
        code="address_not_allowed",
        short="Address forbidden",
        title="The address of {source} is not allowed",
        cause="The host leads to an address that Patchbay does not connect to: this machine itself, a link-local or "
        "metadata address, or a private network that no admin has allowed.",
        who="operator",
        end_user_text="This address cannot be connected to.",
        actions=(Action("Allow the network", "An admin adds it to PATCHBAY_ALLOWED_NETWORKS.", "contact_admin"),),
        breaks=True,
    ),
    ErrorEntry(
        code="rate_limited",
        short="Slowed down",
        title="{source} asked to slow down",
        cause="The source allows fewer requests than were made. Patchbay waits as long as the source asked for.",
        who="nobody",
        end_user_text="The service is busy. We go on by ourselves.",
        actions=(_CHECK_LATER,),
        max_attempts=10,
    ),
    ErrorEntry(
        code="provider_unavailable",
        short="Provider down",
        title="{source} is not available",
        cause="The source answered that it cannot serve requests now. This is on its side.",
        who="provider",
        end_user_text="The service has a disturbance. We try again by ourselves.",
        actions=(_CHECK_LATER, _SYNC_NOW),
        max_attempts=5,
    ),
    ErrorEntry(
        code="provider_error",
        short="Provider error",
        title="{source} answered with an error of its own",
        cause="The source failed while answering. The same request may work later.",
        who="provider",
        end_user_text="The service answered with an error. We try again by ourselves.",
        actions=(_CHECK_LATER, _SYNC_NOW),
        max_attempts=3,
    ),
    ErrorEntry(
        code="misconfigured",
        short="Settings wrong",
        title="The settings of this connection do not fit {source}",
        cause="The source does not know the database, path or option that is set here.",
        who="operator",
        end_user_text="The connection is not set up correctly.",
        actions=(Action("Correct the settings", "The log names the value that was refused."), _SYNC_NOW),
        breaks=True,
    ),
    ErrorEntry(
        code="source_object_missing",
        short="Table missing",
        title="A selected table is gone from {source}",
        cause="A table or column that this connection copies was removed or renamed at the source.",
        who="operator",
        end_user_text="Some of the data to sync does not exist any more.",
        actions=(Action("Bring the table back, or take it out of the selection", "The log names it."), _SYNC_NOW),
        breaks=True,
    ),
    ErrorEntry(
        code="bad_record",
        short="Bad record",
        title="A record from {source} cannot be read",
        cause="The source sent data that does not fit its own description, so loading it would store something wrong.",
        who="provider",
        end_user_text="Some of the data could not be read.",
        actions=(
            Action("Look at the record named in the log", "Correct it at the source, then sync again."),
            _SYNC_NOW,
        ),
        breaks=True,
    ),
    ErrorEntry(
        code="destination_unreachable",
        short="Destination down",
        title="{destination} cannot be reached",
        cause="Nothing answers at the destination, so nothing could be loaded. What was loaded before is unchanged.",
        who="operator",
        end_user_text="The data cannot be stored at the moment. We try again by ourselves.",
        actions=(Action("Check that the destination is up", "And that it lets this machine in."), _SYNC_NOW),
        max_attempts=5,
    ),
    ErrorEntry(
        code="destination_permission_denied",
        short="Loading refused",
        title="{destination} refused to be written to",
        cause="The account of the destination is refused, or may not create tables or write there.",
        who="operator",
        end_user_text="The data cannot be stored.",
        actions=(Action("Grant the account write access", "It needs to create schemas and tables."), _SYNC_NOW),
        breaks=True,
    ),
    ErrorEntry(
        code="destination_full",
        short="Destination full",
        title="{destination} has no space left",
        cause="The destination could not store more data. What was loaded before is unchanged.",
        who="operator",
        end_user_text="The data cannot be stored.",
        actions=(Action("Make space at the destination", "Then sync again."), _SYNC_NOW),
        max_attempts=3,
        first_wait_seconds=300,
    ),
    ErrorEntry(
        code="job_timed_out",
        short="Took too long",
        title="The job took longer than allowed",
        cause="The job ran into its time limit and was stopped. Nothing is left half-loaded.",
        who="us",
        end_user_text="The sync took too long. We try again by ourselves.",
        actions=(_SYNC_NOW, _ASK_ADMIN),
        max_attempts=3,
    ),
    ErrorEntry(
        code="worker_lost",
        short="Worker lost",
        title="The worker process ended in the middle of the job",
        cause="The process that ran this attempt was killed, ran out of memory, or its machine went away. The job goes "
        "back to the queue by itself, and nothing is lost or doubled at the destination.",
        who="us",
        end_user_text="The sync was interrupted. We try again by ourselves.",
        actions=(_CHECK_LATER, _ASK_ADMIN),
        max_attempts=3,
        first_wait_seconds=0,
    ),
    ErrorEntry(
        code="cancelled_by_user",
        short="Cancelled",
        title="The job was cancelled",
        cause="A person stopped this job. What was loaded before is unchanged.",
        who="nobody",
        end_user_text="The sync was stopped.",
        actions=(_SYNC_NOW,),
    ),
    ErrorEntry(
        code="superseded",
        short="Not needed",
        title="This run was not needed",
        cause="The run before it was interrupted and goes on, and it copies the same data. This one never started.",
        who="nobody",
        end_user_text="The sync goes on in another run.",
        actions=(Action("Look at the run before this one", "It stands next to this one in the job history."),),
    ),
    ErrorEntry(
        code="unknown_error",
        short="Unknown error",
        title="The job failed for a reason that Patchbay does not know",
        cause="An error came up that is not in the list of known ones. The log holds its words.",
        who="us",
        end_user_text="Something went wrong on our side.",
        actions=(_SYNC_NOW, _ASK_ADMIN),
        max_attempts=3,
    ),
)

REGISTRY: dict[str, ErrorEntry] = {entry.code: entry for entry in _ENTRIES}


def entry(code: str) -> ErrorEntry:
    """Return the registry's entry for `code`. Raises `KeyError` for a code that has none."""
    return REGISTRY[code]


def told(text: str, *, source: str, destination: str, entity: str = "this company") -> str:
    """Fill the names into a text of an entry."""
    return text.format(source=source, destination=destination, entity=entity)
