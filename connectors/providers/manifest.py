"""What a provider or a destination says about itself: its name, its tile, and the fields that a person fills in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings

from connectors.providers.actions import Action
from connectors.providers.several import is_several

# `names` are names, one per line, `files` the declaration of awaited files (`providers.assisted.declared`).
FieldType = Literal["text", "path", "host", "number", "password", "choice", "url", "declaration", "names", "files"]
AuthMethod = Literal["none", "password", "api_key", "oauth2", "credentials_mfa"]
# The plain setting in which a connection remembers by which method it was signed in, where its secrets are none of
# the manifest's fields.
SIGN_IN = "sign_in"
_IN_WORDS: Mapping[str, str] = {"oauth2": "OAuth 2", "credentials_mfa": "User name and password"}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting. A secret is sealed at once and never shown again.

    `choices` belong to the type `choice`, `minimum` and `maximum` to `number`; a text must fit the whole `pattern`
    (a regular expression), and `pattern_error` is what is said where it does not. One that `names_entity` decides what
    an entity is, so it cannot change once entities are known. One `by_operator` is nothing that an end user knows, so
    the operator fills it in before. One that `takes_several` may name more than one entity, or all (`several`).
    `default_setting` names the Django setting whose value is the default, instead of
    `default`: read it with `default_of`.

    `labels` are the words of `choices`, in their order. `only_for` is the name of another field, a choice, and the
    values of it with which this field is asked for, and `required`. A `declaration` is a document of what is read,
    with a form of its own.
    """

    name: str
    label: str
    help: str = ""
    type: FieldType = "text"
    is_secret: bool = False
    required: bool = True
    default: str = ""
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    only_for: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    pattern: str = ""
    pattern_error: str = ""
    names_entity: bool = False
    takes_several: bool = False
    by_operator: bool = False
    default_setting: str = ""

    @property
    def is_place(self) -> bool:
        """Whether it is a part of where the secrets are sent to."""
        return self.type in {"host", "url"} or self.name == "port"


def default_of(field: Field) -> str:
    """Return what a form starts with for `field`, by this installation's settings; empty for nothing."""
    return (
        str(getattr(settings, field.default_setting, "") or field.default) if field.default_setting else field.default
    )


def shown(field: Field, value: Any) -> str:
    """Return the value of a plain setting in words: the label of a choice, the resources of a declaration."""
    if field.type == "declaration":
        resources = value.get("resources") or () if isinstance(value, Mapping) else ()
        return ", ".join(str(one.get("name", "")) for one in resources)
    if field.type in {"files", "names"}:
        return "; ".join(str(value or "").splitlines())
    if value in field.choices and field.labels:
        return field.labels[field.choices.index(value)]
    return "" if value is None else str(value)


def leads_elsewhere(fields: Iterable[Field], stored: Mapping[str, Any], proposed: Mapping[str, Any]) -> bool:
    """Whether secrets would be sent to another place with the `proposed` settings than the one they are stored for."""
    places = [one for one in fields if one.is_place]
    return any(str(stored.get(one.name, one.default)) != str(proposed.get(one.name, one.default)) for one in places)


def settings_with(stored: Mapping[str, Any], proposed: Mapping[str, Any], *, is_typed: bool) -> dict[str, Any]:
    """Return the `proposed` settings, which remember how an end user signed in unless new secrets are typed."""
    kept = {} if is_typed or SIGN_IN not in stored else {SIGN_IN: stored[SIGN_IN]}
    return {**kept, **proposed}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do at the source before connecting; `code` is what is typed there, if anything."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """A group of tables that a person can switch on or off together.

    `changes` says what else it allows, where it is not for reading alone: it is not asked for unless somebody chose it.
    """

    name: str
    label: str
    tables: tuple[str, ...]
    changes: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One way in which an end user signs in. `fields` are what he types on our page: none for `oauth2`.

    `label` is the choice he sees, `hint` the sentence under it.
    """

    method: AuthMethod
    label: str
    fields: tuple[Field, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A provider, as data. `tile_hue` (1 to 6) picks the tile's colour; `entity_word` names one of its entities.

    `description` is the line under its name in the catalogue, `guide` what to do at the source first. Whoever changes
    what a provider reads, or how, raises its `version`. `sign_ins` are the ways in which an end user can sign in, the
    best one first; without one only an operator can connect it. `actions` are what it lets us change. With
    `tables_per_entity` each entity has tables of its own, as schemas do; else all have the same. `is_untested` says
    that nobody has run it against a real server yet.
    """

    kind: str
    name: str
    tile: str
    tile_hue: int
    category: str
    description: str
    auth_method: str
    integration_type: str
    fields: tuple[Field, ...]
    products: tuple[Product, ...] = ()
    multi_entity: bool = False
    tables_per_entity: bool = False
    is_untested: bool = False
    entity_word: str = "source"
    guide: tuple[Advice, ...] = ()
    version: str = "1.0.0"
    sign_ins: tuple[SignIn, ...] = ()
    actions: tuple[Action, ...] = ()

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the fields that hold secrets."""
        return frozenset(field.name for field in self.fields if field.is_secret)

    def has_several(self, config: Mapping[str, Any]) -> bool:
        """Return whether a connection with these settings may have more than one entity."""
        return self.multi_entity or any(is_several(config.get(one.name)) for one in self.fields if one.takes_several)

    def secrets_with(self, stored: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
        """Return the `stored` secrets with those that were `typed`, which take the place of an end user's sign-in."""
        kept = {name: value for name, value in stored.items() if not typed or name in self.secret_names}
        return {**kept, **typed}

    def signed_in_by(self, config: Mapping[str, Any]) -> str:
        """Return in words how an end user signed in, of the settings of a connection; empty where none did."""
        method = str(config.get(SIGN_IN, ""))
        return _IN_WORDS.get(method, method)

    @property
    def is_assisted(self) -> bool:
        """Whether people deliver files, which a sync waits for."""
        return self.integration == "assisted"

    @property
    def operator_fields(self) -> tuple[Field, ...]:
        """The fields that an operator fills in before an end user signs in."""
        return tuple(field for field in self.fields if field.by_operator)

    @property
    def usual_products(self) -> tuple[Product, ...]:
        """The products that are asked for where nobody chose: those that change nothing."""
        return tuple(product for product in self.products if not product.changes)

    def action(self, name: str) -> Action | None:
        """Return the action of this name, None where the provider has none."""
        return next((action for action in self.actions if action.name == name), None)

    def sign_in(self, method: str) -> SignIn:
        """Return the way of signing in of this name. Raises `ValueError` for one that is not offered."""
        for known in self.sign_ins:
            if known.method == method:
                return known
        message = f"{self.name} offers no sign-in by “{method}”."
        raise ValueError(message)

    @property
    def integration(self) -> str:
        """Whether we sync ("automated"), or a person delivers files ("assisted")."""
        return "assisted" if self.integration_type == "assisted" else "automated"

    def entities_in_words(self, count: int) -> str:
        """Return so many of its entities in words: "1 schema", "12 companies"."""
        word = self.entity_word
        many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
        return f"{count:,} {word if count == 1 else many}"


@dataclass(frozen=True, slots=True)
class DestinationManifest:
    """A destination, as data. `is_exclusive` means that one writer at a time may open it.

    `is_heavy` means that looking into it loads what the web process must not: a process of its own looks into it.

    `summary` is the line under its name where one is added. `needs` names the extra of this project that has to be
    installed before it can be used, empty where none is; one that `is_untested` has not met a real server yet.
    """

    kind: str
    name: str
    tile: str
    tile_hue: int
    fields: tuple[Field, ...]
    is_exclusive: bool = False
    is_heavy: bool = False
    summary: str = ""
    needs: str = ""
    is_untested: bool = False

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the fields that hold secrets."""
        return frozenset(field.name for field in self.fields if field.is_secret)
