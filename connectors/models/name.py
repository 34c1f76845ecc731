"""What a record is found by: its name, and the id that the source gave it, in one narrow table with an index of parts.

Triggers of the database keep it (migration 0005), so that no writer can forget it and so that the rows that each sync
updates carry no further index. PostgreSQL's own extension for parts of words is not in every installation, the
embedded one included; an index over an array of all threes of letters does the same with what every server has.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import models
from django.db.models import F, Func, Q, Value

# A part of a name is looked for by its threes of letters; what is shorter only at the beginning.
_THREE = 3


class NameQuerySet(models.QuerySet["Name"]):
    """Reads of names. Texts are lower case."""

    def beginning(self, text: str) -> NameQuerySet:
        """Those that begin with `text`, in the order of the alphabet: one that is nothing but `text` comes first."""
        return self.filter(text__startswith=text).order_by("text", "record_id")

    def holding(self, kind: str, words: Collection[str]) -> NameQuerySet:
        """Those of a `kind` that hold each of `words` somewhere; none where all words are shorter than three."""
        threes = {word[at : at + _THREE] for word in words for at in range(len(word) - _THREE + 1)}
        if not threes:
            return self.none()
        held = Func(F("kind"), F("text"), function="connectors_trigrams")
        is_held = Func(
            held,
            Value([kind, *sorted(threes)]),
            template="(%(expressions)s)",
            arg_joiner=" @> ",
            output_field=models.BooleanField(),
        )
        whole = Q(*(Q(text__contains=word) for word in words))
        return self.filter(whole, is_held, kind=kind).order_by("text", "record_id")

    def with_ids(self, lowest: UUID, highest: UUID) -> NameQuerySet:
        """The names of records whose ID is in a range, such as that of all IDs with the same beginning."""
        return self.filter(field=Name.Field.NAME, record_id__range=(lowest, highest)).order_by("record_id")


class Name(models.Model):
    """One word or number that a record is found by, in lower case."""

    class Kind(models.TextChoices):
        """What kind of record it names."""

        CONNECTION = "connection"
        ENTITY = "entity"
        DESTINATION = "destination"

    class Field(models.TextChoices):
        """Which of the record's fields it is."""

        NAME = "name"
        REF = "ref"

    pk = models.CompositePrimaryKey("record_id", "field")
    record_id = models.UUIDField()
    field = models.CharField(max_length=8, choices=Field)
    kind = models.CharField(max_length=12, choices=Kind)
    # Sorted by its bytes, so that one index serves both the beginning and the order.
    text = models.TextField(db_collation="C")

    objects = NameQuerySet.as_manager()

    class Meta:
        indexes = (models.Index("kind", "text", "record_id", name="name_by_text"),)

    def __str__(self) -> str:
        return self.text
