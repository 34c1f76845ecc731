"""One line of a job's log: a page holds five hundred of them, so it is built in Python and not in a template."""

from __future__ import annotations

from html import escape

from django import template
from django.utils.safestring import SafeString

from dashboard.pages.job_log_rows import LogRow

register = template.Library()


@register.simple_tag
def log_line(row: LogRow, suffix: str) -> SafeString:
    """Draw a line, below the day that begins with it. Its time is its address, of which `suffix` is the end."""
    number = row.number
    day = f'<li class="day">{escape(row.day)}</li>' if row.day else ""
    mark = ' aria-current="true"' if row.is_meant else ""
    # Marked matches are markup already. `format_html` would weigh each value anew, five thousand of them a page.
    message = row.message if isinstance(row.message, SafeString) else escape(row.message)
    return SafeString(
        f'{day}<li class="{row.look}" id="L{number}"{mark}>'
        f'<a class="ts" href="?line={number}{escape(suffix)}#L{number}">{row.at}</a>'
        f'<span class="lv">{escape(row.level)}</span><span class="step">{escape(row.step)}</span>'
        f'<span class="msg">{message}</span></li>'
    )
