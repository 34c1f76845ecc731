"""Words of the funnel: providers with their tiles, shares, and what findings are mostly about."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.providers import registry as providers
from dashboard.formatting import NOT_APPLICABLE, number, percent
from sessions_log.funnel import BASE, Finding


@dataclass(frozen=True, slots=True)
class Named:
    """A provider as the table shows it; without a tile for what is none."""

    name: str
    tile: str = ""
    hue: int = 0
    is_provider: bool = True


def named(provider: str | None) -> Named:
    """Return a provider's name and tile; None means all of them, and an empty one that none was chosen."""
    if provider is None:
        return Named("All providers", is_provider=False)
    if not provider:
        return Named("Not chosen yet", is_provider=False)
    known = {one.kind: one for one in providers.all_manifests()}.get(provider)
    return Named(known.name, known.tile, known.tile_hue) if known else Named(provider)


def share_of(part: int, base: int) -> str:
    """Return a share in percent, as "12 of 27" under a base of 30, and a dash without any base."""
    if not base:
        return NOT_APPLICABLE
    return percent(part, base) if base >= BASE else f"{number(part)} of {number(base)}"


def finding_detail(found: Finding, *, is_one_provider: bool) -> str:
    """Return which provider a finding is mostly about; empty where that says nothing."""
    if is_one_provider or not found.provider:
        return ""
    name = named(found.provider).name
    if found.of_provider == found.sessions:
        return f"{'all' if found.sessions > 1 else 'with'} {name}"
    return f"{number(found.of_provider)} of them {name}"
