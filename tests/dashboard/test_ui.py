"""The small pieces of every page."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django import forms
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import Context, Template
from django.template.loader import render_to_string
from django.templatetags.static import static

from connectors.models import Status
from dashboard.looks import LOOKS, look_of
from dashboard.templatetags import ui
from jobs.models import JobStatus, StepStatus
from tests.test_templates import SYMBOLS

JOB = UUID("01a1f376-a902-75f3-b08f-448cbd9c1e65")
NOW = datetime(2026, 11, 19, 13, 32, 7, tzinfo=UTC)


def rendered(source: str, **values: object) -> str:
    return Template("{% load ui %}" + source).render(Context(values))


class SampleForm(forms.Form):
    name = forms.CharField(help_text="As on the invoice")
    kind = forms.ChoiceField(choices=[("a", "A")], required=False)
    agreed = forms.BooleanField()


def test_icon_is_drawn_from_the_sprite_and_hidden_from_speech() -> None:
    expected = f'<svg class="i i-28" aria-hidden="true"><use href="{static("icons.svg")}#i-refresh"/></svg>'

    assert rendered('{% icon "refresh" "i-28" %}') == expected


@pytest.mark.parametrize("status", [*Status, *JobStatus, *StepStatus])
def test_every_status_has_a_look_with_the_word_of_the_records(
    status: Status | JobStatus | StepStatus,
) -> None:
    assert look_of(status).word == status.label


@pytest.mark.parametrize("status", LOOKS)
def test_look_has_a_symbol(status: str) -> None:
    assert look_of(status).icon in SYMBOLS


def test_unknown_status_is_a_fault() -> None:
    with pytest.raises(KeyError):
        look_of("sleeping")


def test_status_is_icon_word_and_colour() -> None:
    html = rendered("{% status value pill=True %}", value=JobStatus.RUNNING)

    assert 'class="status is-run pill"' in html
    assert 'class="i spin"' in html
    assert html.endswith("In progress</span>")


def test_status_takes_another_word() -> None:
    assert rendered('{% status "failed" "Sign-in <refused>" %}').endswith("Sign-in &lt;refused&gt;</span>")


def test_time_is_relative_with_the_exact_time_in_the_title() -> None:
    html = rendered("{% time at %}", at=datetime(2026, 11, 19, 11, 4, 31, tzinfo=UTC), now=NOW)

    assert html == ('<time datetime="2026-11-19T11:04:31+00:00" title="Thu 19 Nov 2026, 11:04:31 UTC">2 h ago</time>')


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("clock", "11:04:31"),
        ("log", "11:04:31.000"),
        ("short", "19 Nov, 11:04"),
        ("date", "19 Nov 2026"),
        ("exact", "Thu 19 Nov 2026, 11:04:31 UTC"),
        ("elapsed", "2 h"),
    ],
)
def test_time_styles(style: str, expected: str) -> None:
    html = rendered("{% time at style %}", at=datetime(2026, 11, 19, 11, 4, 31, tzinfo=UTC), now=NOW, style=style)

    assert f">{expected}</time>" in html


def test_time_without_a_moment_is_a_word() -> None:
    assert rendered("{% time at %}", at=None) == "Never"
    assert rendered('{% time at empty="Not scheduled" %}', at=None) == "Not scheduled"


def test_object_id_is_short_and_copies_whole() -> None:
    html = rendered('{% object_id value "job" %}', value=JOB)

    assert ">01a1f376-a902</span>" in html
    assert f'title="{JOB}"' in html
    assert f'data-copy="{JOB}"' in html
    assert 'aria-label="Copy job ID"' in html


def test_object_id_is_whole_on_its_own_page() -> None:
    assert f'class="id id--full" title="{JOB}">{JOB}</span>' in rendered(
        '{% object_id value "job" whole=True %}', value=JOB
    )


def test_copied_text_is_escaped() -> None:
    assert 'data-copy="&quot;&gt;&lt;b&gt;"' in str(ui.copy_button('"><b>', "text"))


def test_filters_say_durations_and_numbers() -> None:
    assert rendered("{{ 88|duration }} {{ 1912|number }} {{ 1800000|file_size }}") == "1 m 28 s 1,912 1.8 MB"


def test_field_ties_hint_and_error_to_the_input() -> None:
    form = SampleForm({"name": ""})

    html = render_to_string("ui/field.html", {"field": form["name"]})

    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert '<p class="hint" id="id_name_helptext">As on the invoice</p>' in html
    assert 'id="id_name_error"' in html
    assert 'class="input"' in html
    assert "autofocus" in html


def test_field_says_what_is_optional_and_focuses_the_first_error_only() -> None:
    form = SampleForm({"name": ""})

    assert '<span class="opt">optional</span>' in render_to_string("ui/field.html", {"field": form["kind"]})
    assert "autofocus" not in render_to_string("ui/field.html", {"field": form["agreed"]})


def test_checkbox_stands_in_its_label() -> None:
    html = render_to_string("ui/field.html", {"field": SampleForm()["agreed"]})

    assert '<label class="row" for="id_agreed"><input' in html


@pytest.mark.parametrize(("is_fragment", "count"), [(True, 1), (False, 0)])
def test_messages_travel_out_of_band_with_a_fragment(*, is_fragment: bool, count: int) -> None:
    messages = [Message(constants.SUCCESS, "Sync started.")]

    html = render_to_string("ui/messages.html", {"messages": messages, "is_fragment": is_fragment})

    assert html.count("hx-swap-oob") == count
    assert "Sync started." in html


def test_message_of_a_failure_stays() -> None:
    html = render_to_string("ui/messages.html", {"messages": [Message(constants.ERROR, "Nothing started.")]})

    assert "data-passing" not in html


def test_pagination_has_no_dead_links() -> None:
    html = render_to_string("ui/pagination.html", {"shown": "1 to 12 of 148", "next_url": "?after=x"})

    assert html.count("<a ") == 1
    assert html.count("disabled") == 1
    assert 'title="This is the first page"' in html


def test_menu_posts_links_and_says_why_not() -> None:
    items = [
        {"label": "Sync now", "icon": "refresh", "post": "/sync/"},
        {"label": "Cancel", "icon": "stop", "href": "/cancel/", "dialog": True},
        {"label": "Pause", "icon": "pause", "disabled": "Needs the role operator"},
    ]

    html = render_to_string("ui/menu.html", {"id": "m1", "label": "Actions", "items": items})

    assert '<form method="post" action="/sync/">' in html
    assert '<a href="/cancel/" data-dialog>' in html
    assert 'disabled title="Needs the role operator"' in html
