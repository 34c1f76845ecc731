"""One line of a job's log: a page holds five hundred of them, so it is built in Python and not in a template."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.pages.job_log_rows import LogRow

register = template.Library()

_LINE = (
    '<li class="{}" id="L{}"{}><a class="ts" href="?line={}{}#L{}">{}</a>'
    '<span class="lv">{}</span><span class="step">{}</span><span class="msg">{}</span></li>'
)


@register.simple_tag
def log_line(row: LogRow, suffix: str) -> SafeString:
    """Draw a line, below the day that begins with it. Its time is its address, of which `suffix` is the end."""
    mark = SafeString(' aria-current="true"') if row.is_meant else ""
    number = row.number
    drawn = format_html(_LINE, row.look, number, mark, number, suffix, number, row.at, row.level, row.step, row.message)
    return format_html('<li class="day">{}</li>{}', row.day, drawn) if row.day else drawn
