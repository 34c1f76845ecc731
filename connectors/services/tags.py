"""Tags: words that people sort connections by. One word is one tag, upper case or lower."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models.functions import Lower

from connectors.models import Tag

LONGEST_TAG = 40
MOST_TAGS = 20


def words_of(text: str) -> list[str]:
    """Return the words between commas, without spaces around them, each once whatever its case, in their order."""
    words = (" ".join(part.split()) for part in text.split(","))
    return list({word.lower(): word for word in reversed([*words]) if word}.values())[::-1]


def tags_named(words: Iterable[str]) -> list[Tag]:
    """Return the tag of each word; one that is new is stored. A known tag keeps its own spelling."""
    wanted = {word.lower(): word for word in words}
    known = Tag.objects.annotate(key=Lower("name")).filter(key__in=wanted)
    missing = set(wanted) - set(known.values_list("key", flat=True))
    # Somebody may store the same word at the same moment: theirs is as good as ours.
    Tag.objects.bulk_create([Tag(name=wanted[key]) for key in sorted(missing)], ignore_conflicts=True)
    return list(known.all())
