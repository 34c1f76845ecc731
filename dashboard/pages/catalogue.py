"""The providers that a new connection can be made of, by category and by search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count
from django.urls import reverse

from connectors.models import Connection
from connectors.providers import registry as providers
from connectors.providers.manifest import Manifest
from jobs.text import counted

# What a category is called as a heading of several.
_SEVERAL = {"Database": "Databases"}


@dataclass(frozen=True, slots=True)
class Category:
    """An entry of the list of categories, with how many providers it has."""

    label: str
    count: int
    href: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider in the catalogue. `facts` is its category, and how many connections of it there are.

    `is_untested` says that nobody has run it against a real server yet.
    """

    name: str
    tile: str
    hue: int
    description: str
    facts: str
    href: str
    is_untested: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that the page shows. `heading` names what is listed."""

    categories: tuple[Category, ...]
    offers: tuple[Offer, ...]
    total: int
    heading: str
    query: str
    category: str


def catalogue_of(*, q: str = "", category: str = "") -> Catalogue:
    """Prepare the catalogue of the providers whose name, category or description holds `q`. One query."""
    known = providers.all_manifests()
    categories = sorted({one.category for one in known})
    chosen = category if category in categories else ""
    used = dict(Connection.objects.values_list("provider").annotate(Count("pk")).order_by())
    found = [one for one in known if (not chosen or one.category == chosen) and _holds(one, q)]
    return Catalogue(
        categories=tuple(_categories(known, categories, chosen, q)),
        offers=tuple(_offer(one, used.get(one.kind, 0)) for one in found),
        total=len(known),
        heading=_SEVERAL.get(chosen, chosen) or "All providers",
        query=q,
        category=chosen,
    )


def _holds(manifest: Manifest, q: str) -> bool:
    words = f"{manifest.name} {manifest.category} {manifest.description}".casefold()
    return all(word in words for word in q.casefold().split())


def _categories(known: Sequence[Manifest], names: Sequence[str], chosen: str, q: str) -> list[Category]:
    counts = {name: sum(one.category == name for one in known) for name in names}
    rows = [("All", "", len(known)), *((_SEVERAL.get(name, name), name, counts[name]) for name in names)]
    return [Category(label, count, _address(q, name), name == chosen) for label, name, count in rows]


def _address(q: str, category: str) -> str:
    query = urlencode({name: value for name, value in (("q", q), ("category", category)) if value})
    return f"?{query}" if query else reverse("connections:new")


def _offer(manifest: Manifest, used: int) -> Offer:
    facts = f"{manifest.category}, {counted(used, 'connection')}" if used else manifest.category
    return Offer(
        name=manifest.name,
        tile=manifest.tile,
        hue=manifest.tile_hue,
        description=manifest.description,
        facts=facts,
        href=reverse("connections:new-of", args=[manifest.kind]),
        is_untested=manifest.is_untested,
    )
