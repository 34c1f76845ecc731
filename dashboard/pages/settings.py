"""What the pages of settings show: their sections, and the look of the hosted flow with its preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from connectors.providers import registry as providers
from dashboard.contrast import reading_on
from dashboard.formatting import file_size
from dashboard.forms.connect_look import ConnectLookForm, colour_of
from dashboard.pages.connect_look import look_of


@dataclass(frozen=True, slots=True)
class SettingsSection:
    """An entry of the list of settings. `hint` says what is there."""

    label: str
    hint: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """A step of the hosted flow as end users see it. `css` is the stylesheet with the colours."""

    css: str
    name: str
    logo: str
    provider: str
    tile: str
    tile_hue: int
    fields: tuple[str, ...]
    entities: str


@dataclass(frozen=True, slots=True)
class LookPage:
    """The page of the look: what stands under the colours, what is stored of the logo, and the preview."""

    light: str
    dark: str
    logo: str
    logo_facts: str
    changed_at: datetime | None
    changed_by: str
    preview: Preview


# What there is to set: the name of its address, what it is called, and what is there.
_SECTIONS = (
    ("settings:connect", "Connect flow", "What end users see when they connect, and where links may lead"),
    ("settings:keys", "Ingest keys", "For a connect flow of your own, which tells here what happens in it"),
)


def sections_of(current: str = "") -> tuple[SettingsSection, ...]:
    """Return the sections; `current` is the name of the address that is shown."""
    return tuple(SettingsSection(label, hint, reverse(name), name == current) for name, label, hint in _SECTIONS)


def look_page_of(form: ConnectLookForm) -> LookPage:
    """Prepare the page of the look, with the values of `form`: those that were typed, or else the stored ones."""
    stored = form.stored
    light = colour_of(str(form["brand"].value() or ""))
    dark = colour_of(str(form["brand_dark"].value() or ""))
    kind = stored.logo_type.partition("/")[2].partition("+")[0].upper()
    return LookPage(
        light=_reading(light),
        dark=_reading(dark) if dark else "",
        logo=look_of(stored).logo,
        logo_facts=f"{stored.logo_name}, {kind}, {file_size(stored.logo_bytes)}" if stored.logo_type else "",
        changed_at=stored.changed_at,
        changed_by=stored.changed_by.get_username() if stored.changed_by else "",
        preview=_preview(form, {"light": light or stored.brand, "dark": dark}),
    )


def _reading(colour: str) -> str:
    """Say how well text reads on a colour: "White text reads well, 7.7 to 1"; empty where it does not."""
    if not colour:
        return ""
    reading = reading_on(colour)
    return f"{reading.word} text reads well, {reading.ratio:.1f} to 1" if reading.is_readable else ""


def _preview(form: ConnectLookForm, colours: Mapping[str, str]) -> Preview:
    manifest = max(providers.all_manifests(), key=lambda one: len(one.sign_ins))
    typed = next((one.fields for one in manifest.sign_ins if one.fields), ())
    return Preview(
        css=f"{reverse('connect:look')}?{urlencode({name: value for name, value in colours.items() if value})}",
        name=str(form["name"].value() or "").strip() or form.stored.name,
        logo=look_of(form.stored).logo,
        provider=manifest.name,
        tile=manifest.tile,
        tile_hue=manifest.tile_hue,
        fields=tuple(one.label for one in typed),
        entities=manifest.entities_in_words(2).partition(" ")[2].capitalize(),
    )
