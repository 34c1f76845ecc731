"""The page before the end of the hosted flow: what will be read, of whom, before it is tested and connected."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.providers import registry
from dashboard.connecting.carried import Carried
from dashboard.connecting.delivering import parts_of
from dashboard.pages.connect_upload import checked_lines
from jobs.text import counted
from sessions_log.models import Session, SessionKind

# The page names so many; more are counted.
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Check:
    """What the page says. `names` are the entities, `more` those that are not named."""

    title: str
    lead: str
    names: tuple[str, ...]
    more: int
    button: str


def _of_files(session: Session) -> Check:
    lines = checked_lines(parts_of(session))
    return Check(
        title="Your files can be used",
        lead="Look once more whether these are the right ones. They are loaded after you have sent them.",
        names=lines[:MOST_NAMED],
        more=max(0, len(lines) - MOST_NAMED),
        button=f"Send {counted(len(lines), 'file')}",
    )


def check_of(session: Session, carried: Carried) -> Check:
    """Prepare the page of a sign-in that was accepted."""
    manifest = registry.manifest(session.provider)
    if manifest.is_assisted:
        return _of_files(session)
    known = carried.entities or ()
    named = [one.name for one in known if not carried.chosen or one.ref in carried.chosen]
    if session.kind == SessionKind.RECONNECT:
        return Check(
            title=f"Signed in to {manifest.name}",
            lead="One more look whether everything can be read as before, then copying goes on.",
            names=(),
            more=0,
            button="Check and connect again",
        )
    many = manifest.entities_in_words(len(named))
    verb = "is" if len(named) == 1 else "are"
    return Check(
        title=f"Signed in to {manifest.name}",
        lead=f"Next, a short test that reads a little of each. Then {many} {verb} connected.",
        names=tuple(named[:MOST_NAMED]),
        more=max(0, len(named) - MOST_NAMED),
        button=f"Check and connect {many}",
    )
