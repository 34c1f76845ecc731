"""Small pieces of every page, as tags that render fast.

A list shows hundreds of them, and the template is what a page costs, so these are built in Python instead of
included templates. Larger pieces (field, messages, empty, menu, pagination) are templates in ``templates/ui/``.

``{% icon "refresh" %}``, ``{% icon "st-run" "spin i-28" %}``: a symbol of ``static/icons.svg``, hidden from speech.
``{% status connection.status %}``, ``{% status job.status pill=True %}``: icon, word and colour.
``{% time job.ended_at %}``, ``{% time job.ended_at "clock" %}``: a ``<time>``; styles are those of ``TIME_STYLES``.
``{% object_id job.id "job" %}``, ``{% object_id job.id "job" whole=True %}``: the ID with a button that copies it.
``{% control field %}``: the widget of a form field with our class.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache
from uuid import UUID

from django import template
from django.forms import BoundField
from django.template.context import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from connectors.ids import short_id
from dashboard import formatting
from dashboard.access import Can
from dashboard.looks import look_of
from dashboard.pages.guidance import who_acts
from dashboard.static_files import bundle_url

register = template.Library()

TIME_STYLES: dict[str, Callable[[datetime, tzinfo], str]] = {
    "clock": formatting.clock_time,
    "log": formatting.log_time,
    "short": formatting.short_time,
    "date": formatting.calendar_date,
    "exact": formatting.exact_time,
}

register.filter("duration", formatting.duration)
register.filter("number", formatting.number)
register.filter("file_size", formatting.file_size)
register.filter("short_id", short_id)
register.filter("who_acts", who_acts)
register.simple_tag(formatting.percent, name="percent")
register.simple_tag(formatting.width_class, name="width_class")
register.simple_tag(bundle_url, name="bundled_styles")


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, classes: str = "") -> SafeString:
    """Draw the symbol ``name`` of the sprite; ``classes`` adds a size ("i-28") or "spin"."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f"i {classes}".rstrip(),
        static("icons.svg"),
        name,
    )


@register.simple_tag
@lru_cache(maxsize=512)
def status(value: str, word: str = "", *, pill: bool = False) -> SafeString:
    """Show a status as icon, word and colour; ``word`` replaces the usual one, ``pill`` is for headers.

    The word is escaped even where it is marked safe: to the cache, safe and unsafe text of the same letters are one.
    """
    look = look_of(value)
    return format_html(
        '<span class="status is-{}{}">{}{}</span>',
        look.tone,
        " pill" if pill else "",
        icon(look.icon, "spin" if look.is_turning else ""),
        escape(word or look.word),
    )


@register.simple_tag
@lru_cache(maxsize=64)
def status_icon(value: str, classes: str = "") -> SafeString:
    """Only the icon of a status, for places where the word stands elsewhere."""
    look = look_of(value)
    return icon(look.icon, f"{classes} spin".strip() if look.is_turning else classes)


@register.filter
def may(can: Can, action: str) -> bool:
    """Whether the reader may do ``action``, where its name is a value: ``can|may:hint.needs``."""
    return can[action]


@register.filter
def tone(value: str) -> str:
    """The class that gives an element the colours of a status: "is-ok"."""
    return f"is-{look_of(value).tone}"


@register.filter
def status_word(value: str) -> str:
    """The word of a status, for sentences and labels."""
    return look_of(value).word


@register.simple_tag(takes_context=True)
def time(context: Context, moment: datetime | None, style: str = "relative", empty: str = "Never") -> str:
    """Show an aware ``moment`` in the page's time zone, relative to the page's ``now``, exact in the title.

    ``style`` is "relative", "elapsed" or one of ``TIME_STYLES``; ``empty`` is what stands there without a moment.
    """
    if moment is None:
        return empty
    zone = timezone.get_current_timezone()
    if style in TIME_STYLES:
        shown = TIME_STYLES[style](moment, zone)
    else:
        now = context.get("now") or timezone.now()
        shown = (
            formatting.elapsed_time(moment, now) if style == "elapsed" else formatting.relative_time(moment, now, zone)
        )
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.astimezone(zone).isoformat(timespec="seconds"),
        formatting.exact_time(moment, zone),
        shown,
    )


@register.simple_tag
def object_id(value: UUID | str, noun: str, *, whole: bool = False) -> SafeString:
    """Show an ID with a copy button: the first 13 characters, or the ``whole`` on the page of the object itself.

    ``noun`` names the object for speech: "job" makes the button "Copy job ID".
    """
    full = str(value)
    return format_html(
        '<span class="idwrap"><span class="id{}" title="{}">{}</span>{}</span>',
        " id--full" if whole else "",
        full,
        full if whole else short_id(full),
        copy_button(full, f"{noun} ID"),
    )


@register.simple_tag
def copy_button(text: str, label: str) -> SafeString:
    """A small button that copies ``text``; ``label`` says what it is: "Copy job ID"."""
    return format_html(
        '<button class="copy" type="button" aria-label="Copy {}" data-copy="{}" data-needs-script>{}{}</button>',
        label,
        text,
        icon("copy", "todo"),
        icon("check", "done"),
    )


@register.simple_tag
def control(field: BoundField, *, focus: bool = False) -> SafeString:
    """Render the widget of ``field`` with our class; the first invalid field takes the focus, else one with ``focus``.

    Django links help and error texts itself (``aria-describedby``, ``aria-invalid``); ``ui/field.html`` gives
    these texts the ids it expects.
    """
    classes = {"checkbox": "check", "select": "select", "textarea": "textarea"}
    attrs: dict[str, str | bool] = {"class": classes.get(field.widget_type, "input")}
    first_invalid = next((name for name in field.form.fields if name in field.form.errors), None)
    if field.name == first_invalid or (focus and first_invalid is None):
        attrs["autofocus"] = True
    return field.as_widget(attrs=attrs)
