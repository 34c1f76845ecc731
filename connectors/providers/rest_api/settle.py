"""Keeps what discovery found of an API's fields, so that their types are the same in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from connectors.plan import FoundTable
from connectors.providers.feed import DataType
from connectors.providers.rest_api.declaration import FieldSpec, fields_as_document, stored
from connectors.providers.rest_api.manifest import DECLARATION
from connectors.providers.rest_api.reader import parent_column
from connectors.providers.rest_api.reading import read


def settle(config: Mapping[str, Any], tables: Sequence[FoundTable]) -> dict[str, Any]:
    """Return the settings with the fields of `tables` in the declaration; those that stand there stay as they are."""
    document = stored(config)
    declared = read(document)
    found = {table.name: table.columns for table in tables}
    resources = []
    for resource, stored_one in zip(declared.resources, document["resources"], strict=True):
        derived = {spec.path for spec in resource.fields} | {spec.name for spec in resource.fields}
        if resource.parent:
            derived |= {parent_column(name) for name in resource.parent_fields}
            parent = declared.resource(resource.parent)
            if parent and parent.incremental:
                derived.add(parent_column(parent.incremental.cursor))
        new = tuple(
            FieldSpec(name, cast("DataType", kind), name)
            for name, kind in found.get(resource.name, ())
            if name not in derived
        )
        together = fields_as_document((*resource.fields, *new))
        resources.append({**stored_one, "fields": together} if together else dict(stored_one))
    return {**config, DECLARATION: {**document, "resources": resources}}
