"""The biggest leak of the funnel in a sentence, with the sessions behind it."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.formatting import number
from dashboard.forms.funnel import PERIODS, FunnelCriteria
from dashboard.pages.funnel_filters import list_address
from dashboard.pages.funnel_words import named
from sessions_log.funnel import Leak
from sessions_log.stages import Stage

# The stages as they stand inside of a sentence.
_IN_SENTENCE = {
    Stage.OPENED: "first page",
    Stage.TERMS: "terms",
    Stage.PROVIDER_SELECTION: "choice of a provider",
    Stage.AUTHENTICATION: "sign-in",
    Stage.MFA: "second factor",
    Stage.ENTITY_SELECTION: "choice of entities",
    Stage.VERIFICATION: "check",
}


@dataclass(frozen=True, slots=True)
class LeakBanner:
    """What leaks, what that means beside the others, and the button that lists the sessions."""

    title: str
    text: str
    href: str
    action: str


def leak_banner(leak: Leak | None, criteria: FunnelCriteria) -> LeakBanner | None:
    """Return the banner; None where nobody left inside of the flow."""
    if leak is None:
        return None
    where = _IN_SENTENCE[leak.stage]
    whose = f"{named(leak.provider).name} {where}" if leak.provider else where
    verb = "leaves" if leak.left == 1 else "leave"
    return LeakBanner(
        title=f"Biggest leak: the {whose}, where {number(leak.left)} of {number(leak.base)} {verb}",
        text=_beside(leak, where, PERIODS[criteria.period]) if leak.provider else "",
        href=list_address(criteria, provider=leak.provider or None, left=leak.stage),
        action="Show the session" if leak.left == 1 else f"Show the {number(leak.left)} sessions",
    )


def _beside(leak: Leak, where: str, period: str) -> str:
    lost = f"{number(leak.left)} of the {number(leak.all_left)} lost at the {where} are lost there. "
    others = f"{number(leak.others_left)} of {number(leak.others)}"
    more = "1 more would" if leak.would_connect == 1 else f"{number(leak.would_connect)} more would"
    return f"{lost}At the rate of the other providers ({others}) about {more} have connected in these {period}."
