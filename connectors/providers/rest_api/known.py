"""What was found of an API before, so that the types of its fields are the same in every run.

A page that lacks a field, or holds nothing in it, says nothing about it: once it was seen, it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from connectors.plan import FoundTable
from connectors.providers.feed import DataType
from connectors.providers.rest_api.declaration import (
    Declaration,
    DeclarationError,
    FieldSpec,
    Resource,
    fields_as_document,
    stored,
)
from connectors.providers.rest_api.manifest import DECLARATION
from connectors.providers.rest_api.reader import from_parent, parent_column
from connectors.providers.rest_api.reading import read


def with_known(config: Mapping[str, Any], tables: Sequence[FoundTable]) -> dict[str, Any]:
    """Return the settings with the columns of `tables` as fields of their resources; declared ones stay as they are."""
    document = stored(config)
    try:
        declared = read(document)
    except DeclarationError:
        # Whoever reads with it says what is wrong.
        return dict(config)
    found = {table.name: table.columns for table in tables}
    resources = [
        {**one, "fields": fields_as_document(_fields(resource, declared, found.get(resource.name, ())))}
        for resource, one in zip(declared.resources, document["resources"], strict=True)
    ]
    return {**config, DECLARATION: {**document, "resources": resources}}


def _fields(resource: Resource, declared: Declaration, found: Sequence[tuple[str, str]]) -> tuple[FieldSpec, ...]:
    """Return the declared fields and those that were found; what comes from the parent is added in every run."""
    there = {name for spec in resource.fields for name in (spec.name, spec.path)}
    there |= {parent_column(name) for name in from_parent(resource, declared)}
    new = (FieldSpec(name, cast("DataType", kind), name) for name, kind in found if name not in there)
    return (*resource.fields, *new)
