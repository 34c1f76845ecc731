"""The pages of the hosted flow, ready to print."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from django.forms import BoundField
from django.urls import reverse
from django.utils import timezone
from django.utils.text import get_text_list

from connectors.ids import short_id
from connectors.plan import FoundEntity
from connectors.providers import registry
from connectors.providers.manifest import Field, Manifest, SignIn
from dashboard.connecting.carried import Carried, Refusal
from dashboard.connecting.delivering import awaited_files
from dashboard.connecting.steps import Step, before, manifest_of
from dashboard.forms.connect import SignInForm
from dashboard.pages.connect_words import Told, refusal_of
from sessions_log.models import Session, SessionKind

# From so many on the list of companies is searched in.
SEARCHED_FROM = 9
_WIDTHS = {"host": "w4", "number": "w2"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A step in the line of steps. `state` is "done", "now" or empty."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page: the line of steps, the ways out, and the code that support finds a session by."""

    marks: tuple[Mark, ...]
    at: int
    code: str
    here: str
    back: str
    leave: str
    help: str
    told: str
    page: str
    # When it was made, in milliseconds since 1970, rounded up: what the script tells comes after it was seen.
    made: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for, and what is not done."""

    title: str
    reads: tuple[str, ...]
    refrains: tuple[str, ...]
    end_user: str
    is_agreed: bool
    is_reconnect: bool
    is_assisted: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A provider to choose."""

    kind: str
    name: str
    tile: str
    hue: int
    description: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A field of the sign-in, and its share of a row."""

    control: BoundField
    width: str


@dataclass(frozen=True, slots=True)
class Way:
    """One of several ways to sign in."""

    method: str
    label: str
    hint: str


@dataclass(frozen=True, slots=True)
class Company:
    """An entity to tick."""

    ref: str
    name: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Companies:
    """The entities that the sign-in can see: those that are shown, and the ticked ones that a search hides."""

    shown: tuple[Company, ...]
    hidden: tuple[str, ...]
    total: int
    chosen: int
    in_words: str
    word: str
    many: str
    query: str
    is_searched: bool


def frame_of(session: Session, carried: Carried, step: Step) -> Frame:
    """Prepare what stands around the page of `step`."""
    labels = list(_labels(session, carried))
    place = {Step.CODE: Step.SIGN_IN, Step.DONE: Step.CHECK}.get(step, step)
    at = next((number for number, (one, _) in enumerate(labels) if one == place), len(labels) - 1)
    is_over = step == Step.DONE
    states = ["done" if number < at or is_over else "now" if number == at else "" for number in range(len(labels))]
    earlier = before(step, session, carried)
    return Frame(
        marks=tuple(Mark(label, state) for (_, label), state in zip(labels, states, strict=True)),
        at=at + 1,
        code=short_id(session.pk),
        here=step_href(session, step),
        back=step_href(session, earlier) if earlier else "",
        leave=reverse("connect:leave", args=[session.pk]),
        help=reverse("connect:help", args=[session.pk]),
        # Whoever closes the last page leaves nothing.
        told="" if is_over else reverse("connect:events", args=[session.pk]),
        page=step.value,
        made=ceil(timezone.now().timestamp() * 1000),
    )


def _labels(session: Session, carried: Carried) -> Iterator[tuple[Step, str]]:
    manifest = manifest_of(session)
    yield Step.TERMS, "Terms"
    if not session.is_provider_fixed:
        yield Step.PROVIDER, "Service"
    if manifest and manifest.is_assisted:
        yield Step.UPLOAD, "Files"
        yield Step.CHECK, "Send"
        return
    yield Step.SIGN_IN, "Sign in"
    is_several = len(carried.entities or ()) != 1 if carried.is_accepted else bool(manifest and manifest.multi_entity)
    if is_several and session.kind == SessionKind.FIRST:
        yield Step.COMPANIES, several(manifest).capitalize() if manifest else "Choose"
    yield Step.CHECK, "Connect"


def step_href(session: Session, step: Step) -> str:
    """Return the address of a step's page."""
    return reverse("connect:step", args=[session.pk, step.value])


def terms_of(session: Session) -> Terms:
    """Prepare the terms: what will be read at the provider, as far as that is known."""
    manifest = manifest_of(session)
    source = manifest.name if manifest else "your service"
    is_reconnect = session.kind == SessionKind.RECONNECT
    if manifest and manifest.is_assisted:
        return _of_files(session)
    verb = "Sign in again to" if is_reconnect else "Connect"
    return Terms(
        title=f"{verb} {source}",
        reads=(*_reads(manifest, session.products), *_changes(manifest, session.products)),
        refrains=(
            f"Change anything {'else ' if any(_changes(manifest, session.products)) else ''}in {source}",
            "Read anything that you do not allow",
        ),
        end_user=session.end_user_name,
        is_agreed=session.terms_accepted_at is not None,
        is_reconnect=is_reconnect,
    )


def _of_files(session: Session) -> Terms:
    names = [one.name for one in awaited_files(session)]
    which = f": {get_text_list(names, 'and')}" if names else ""
    return Terms(
        title="Upload your files",
        reads=(f"Read the files that you upload{which}",),
        refrains=("See anything else on your device", "Load a file before you send it"),
        end_user=session.end_user_name,
        is_agreed=session.terms_accepted_at is not None,
        is_reconnect=False,
        is_assisted=True,
    )


def _reads(manifest: Manifest | None, products: Sequence[str]) -> Iterator[str]:
    known = manifest.products if manifest else ()
    for product in known:
        if product.name in products or (not products and not product.changes):
            yield f"Read {get_text_list([table.replace('_', ' ') for table in product.tables], 'and')}"
    if not known:
        yield f"Read the tables of one {manifest.entity_word}" if manifest else "Read the data that you choose"


def _changes(manifest: Manifest | None, products: Sequence[str]) -> Iterator[str]:
    """Give what the chosen products let us change."""
    for product in manifest.products if manifest else ():
        if product.changes and product.name in products:
            yield product.changes


def services_of(session: Session, query: str) -> tuple[Service, ...]:
    """Return the providers that an end user can sign in to and that hold the words of `query`."""
    # Which files are awaited is for the operator to say, and so is whether to try what nobody has run yet.
    known = [one for one in registry.all_manifests() if one.sign_ins and not (one.is_assisted or one.is_untested)]
    return tuple(
        Service(one.kind, one.name, one.tile, one.tile_hue, one.category, one.kind == session.provider)
        for one in known
        if all(word in f"{one.name} {one.category}".casefold() for word in query.casefold().split())
    )


def ways_of(manifest: Manifest) -> tuple[Way, ...]:
    """Return the ways to sign in."""
    return tuple(Way(one.method, one.label, one.hint) for one in manifest.sign_ins)


def way_named(manifest: Manifest, method: str) -> SignIn | None:
    """Return the way that is asked for, or the only one there is; None where it is still to be chosen."""
    if len(manifest.sign_ins) == 1:
        return manifest.sign_ins[0]
    return next((one for one in manifest.sign_ins if one.method == method), None)


def asked_of(form: SignInForm) -> tuple[Asked, ...]:
    """Return the fields of a sign-in."""
    return tuple(Asked(form[one.name], _width(one)) for one in form.asked)


def _width(field: Field) -> str:
    return _WIDTHS.get(field.type, "")


def told_of(refusal: Refusal | None, step: Step, manifest: Manifest | None) -> Told | None:
    """Return the refusal that the page of `step` shows."""
    if refusal is None or manifest is None or refusal.page != step:
        return None
    return refusal_of(refusal.code, manifest, tries_left=refusal.tries_left, missing=refusal.missing)


def several(manifest: Manifest) -> str:
    """Return the word for several entities: "companies"."""
    return manifest.entities_in_words(2).partition(" ")[2]


def companies_of(
    manifest: Manifest, entities: Sequence[FoundEntity], chosen: Collection[str], query: str = ""
) -> Companies:
    """Prepare the entities to choose from, those shown whose name holds `query`."""
    shown = [one for one in entities if query.casefold() in one.name.casefold()]
    seen = {one.ref for one in shown}
    return Companies(
        shown=tuple(Company(one.ref, one.name, one.ref in chosen) for one in shown),
        hidden=tuple(one.ref for one in entities if one.ref in chosen and one.ref not in seen),
        total=len(entities),
        chosen=len(chosen),
        in_words=manifest.entities_in_words(len(entities)),
        word=manifest.entity_word,
        many=several(manifest),
        query=query,
        is_searched=len(entities) >= SEARCHED_FROM or bool(query),
    )
