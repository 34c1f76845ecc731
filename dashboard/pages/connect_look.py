"""What the pages of the hosted flow show of whoever invited the person: name, colours, logo and links."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from django.urls import reverse

from dashboard.contrast import reading_on
from sessions_log.models import ConnectLook


@dataclass(frozen=True, slots=True)
class Look:
    """The look, ready to print. Addresses are empty where there is none; `css` and `logo` name their version."""

    name: str
    css: str
    logo: str
    support_url: str
    terms_url: str
    terms_version: str
    privacy_url: str
    return_url: str
    link_hours: int


def look() -> Look:
    """Return the look as it is stored, or as it is before an admin chose. One query."""
    return look_of(ConnectLook.objects.current())


def look_of(stored: ConnectLook) -> Look:
    """Return a stored look, ready to print."""
    return Look(
        name=stored.name,
        css=f"{reverse('connect:look')}?v={css_version(stored)}",
        logo=f"{reverse('connect:logo')}?v={stored.logo_digest}" if stored.logo_type else "",
        support_url=stored.support_url,
        terms_url=stored.terms_url,
        terms_version=stored.terms_version,
        privacy_url=stored.privacy_url,
        return_url=stored.return_url,
        link_hours=stored.link_hours,
    )


def css_version(stored: ConnectLook) -> str:
    """Name the state of the stylesheet: it is another one as soon as a colour is."""
    return blake2b(css_of(stored).encode(), digest_size=6).hexdigest()


def css_of(stored: ConnectLook) -> str:
    """Return the stylesheet with the two variables of the flow's own one. It stands in no layer, so it wins."""
    return css_of_colours(stored.brand, stored.brand_dark)


def css_of_colours(light: str, dark: str) -> str:
    """Return the stylesheet of two colours, `#rrggbb`; an empty `dark` is the same one."""
    dark = dark or light
    inks = reading_on(light).ink, reading_on(dark).ink
    return f":root {{ --brand: light-dark({light}, {dark}); --brand-ink: light-dark({inks[0]}, {inks[1]}); }}\n"
