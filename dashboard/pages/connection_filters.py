"""The connections that criteria mean: which ones, in which order, and the values that people made to filter by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.contrib.auth import get_user_model

from connectors.models import Connection, ConnectionQuerySet, Destination, Tag
from connectors.providers import registry as providers
from dashboard.forms.connections import Choices, Criteria
from dashboard.pages.flags import RULES
from dashboard.pages.keyset import ID, Key, Order, read_moment, read_rank

_NAME, _LAST, _NEXT = Key("name_key"), Key("last_key", read_moment), Key("next_key", read_moment)
ORDERS = {
    "attention": Order((Key("attention", read_rank), _NAME, ID)),
    "name": Order((_NAME, ID)),
    "-name": Order((_NAME, ID), is_descending=True),
    "last": Order((_LAST, ID)),
    "-last": Order((_LAST, ID), is_descending=True),
    "next": Order((_NEXT, ID)),
    "-next": Order((_NEXT, ID), is_descending=True),
}


def choices_made_by_people() -> Choices:
    """Return the destinations, and the tags and owners that some connection has: value and words. Three queries."""
    kept = Connection.objects.order_by()
    people = get_user_model().objects.filter(pk__in=kept.filter(owner__isnull=False).values("owner"))
    tags = Tag.objects.filter(connections__in=kept).distinct().values_list("name", flat=True)
    return {
        "destination": [(str(pk), name) for pk, name in Destination.objects.order_by("name").values_list("pk", "name")],
        "tag": [(name, name) for name in tags],
        "owner": [(name, name) for name in people.order_by("username").values_list("username", flat=True)],
    }


def matching(criteria: Criteria, now: datetime) -> ConnectionQuerySet:
    """Return every connection that passes the filters and the text of `criteria`, whatever page they name."""
    found = Connection.objects.all()
    for name, values in criteria.filters.items():
        found = _FILTERS[name](found, values, now)
    return found.matching(criteria.text) if criteria.text else found


Values = tuple[str, ...]


def _with_flag(found: ConnectionQuerySet, values: Values, now: datetime) -> ConnectionQuerySet:
    """Keep those that have one of the flags `values`."""
    some = Connection.objects.none()
    for value in values:
        some |= RULES[value](Connection.objects.all(), now)
    return found.filter(pk__in=some.values("pk"))


def _of_integration(found: ConnectionQuerySet, values: Values, _now: datetime) -> ConnectionQuerySet:
    return found.filter(provider__in=[one.kind for one in providers.all_manifests() if one.integration in values])


_FILTERS: dict[str, Callable[[ConnectionQuerySet, Values, datetime], ConnectionQuerySet]] = {
    "status": lambda found, values, _: found.filter(status__in=values),
    "provider": lambda found, values, _: found.filter(provider__in=values),
    "destination": lambda found, values, _: found.filter(destination__in=[UUID(value) for value in values]),
    "type": _of_integration,
    "flag": _with_flag,
    "tag": lambda found, values, _: found.tagged(values),
    "owner": lambda found, values, _: found.filter(owner__username__in=values),
}
