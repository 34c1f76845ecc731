"""What is shown where a connect link is made: the choices, then the link itself, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.forms import BoundField
from django.urls import reverse

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.forms.session_link import ANY_PROVIDER, LinkForm, ProviderPart
from sessions_log.models import Session


@dataclass(frozen=True, slots=True)
class Back:
    """The page that a link is made from."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """One provider that can be fixed, or none; with what is asked of it."""

    kind: str
    name: str
    hint: str
    is_chosen: bool
    products: BoundField | None = None
    controls: tuple[BoundField, ...] = ()


@dataclass(frozen=True, slots=True)
class NewLink:
    """The question: what it is called, where it is sent and where Cancel leads."""

    title: str
    hint: str
    address: str
    back: Back
    choices: tuple[ProviderChoice, ...]


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link that was just made, shown here and nowhere else. `was_sent` is None where nobody asked for a mail."""

    address: str = field(repr=False)
    whose: str
    email: str
    until: datetime
    leads_to: str
    was_sent: bool | None
    is_repeated: bool
    folder: str
    back: Back
    withdraw: str


def invite_of(connection: Connection) -> str:
    """Return where a link is made for somebody to sign in at `connection`; empty where nobody but operators can."""
    if not providers.manifest(connection.provider).sign_ins:
        return ""
    return f"{reverse('sessions:new')}?{urlencode({'connection': connection.pk})}"


def new_link_of(form: LinkForm, *, query: str, back: Back) -> NewLink:
    """Prepare the question that `form` asks; `query` says in the address what it is about."""
    address = f"{reverse('sessions:new')}?{query}" if query else reverse("sessions:new")
    if form.connection:
        name = form.connection.name
        if providers.manifest(form.connection.provider).is_assisted:
            hint = "The person uploads the files that are awaited; each is checked as it comes. No account is needed."
            return NewLink(f"Upload link for {name}", hint, address, back, ())
        hint = "The person signs in again. Entities, tables, schedule and what was loaded stay."
        return NewLink(f"Connect link for {name}", hint, address, back, ())
    hint = "The person agrees to your terms, signs in, and a new connection starts to sync."
    return NewLink("Create a connect link", hint, address, back, tuple(_choices(form)))


def made_link_of(
    session: Session, address: str, *, was_sent: bool | None, is_repeated: bool, folder: str, back: Back
) -> MadeLink:
    """Prepare the page that shows the link; `address` is all of it."""
    return MadeLink(
        address=address,
        whose=session.end_user_name,
        email=session.end_user_email,
        until=session.expires_at,
        leads_to=_leads_to(session),
        was_sent=was_sent,
        is_repeated=is_repeated,
        folder=folder if was_sent else "",
        back=back,
        withdraw=reverse("sessions:withdraw", args=[session.pk]),
    )


def back_of(about: Connection | Session | None) -> Back:
    """Return the page that a link is made from: that of what it is about, or the list of sessions."""
    return Back(str(about), about.get_absolute_url()) if about else Back("Sessions", reverse("sessions:list"))


def _choices(form: LinkForm) -> list[ProviderChoice]:
    chosen = form["provider"].value() or ANY_PROVIDER
    hint = "They look for their provider themselves; all products are connected."
    free = ProviderChoice(ANY_PROVIDER, "The person chooses", hint, chosen == ANY_PROVIDER)
    return [free, *(_choice(part, is_chosen=chosen == part.manifest.kind) for part in form.parts)]


def _choice(part: ProviderPart, *, is_chosen: bool) -> ProviderChoice:
    manifest = part.manifest
    return ProviderChoice(
        kind=manifest.kind,
        name=manifest.name,
        hint=", ".join(one.label for one in manifest.sign_ins) + (", untested" if manifest.is_untested else ""),
        is_chosen=is_chosen,
        products=part["products"] if manifest.products else None,
        controls=tuple(part[one.name] for one in manifest.operator_fields),
    )


def _leads_to(session: Session) -> str:
    where = providers.manifest(session.provider).name if session.provider else "the provider of their choice"
    if session.provider and providers.manifest(session.provider).is_assisted:
        whose = f" for {session.connection.name}" if session.connection else ", and a new connection loads them"
        return f"They agree to your terms and upload the awaited files{whose}"
    if session.connection:
        return f"They sign in again at {where}, and {session.connection.name} syncs again with it"
    into = f" into {session.destination.name}" if session.destination else ""
    return f"They agree to your terms and sign in at {where}; a new connection starts to load{into}"
