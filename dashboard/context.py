"""What every page's frame shows: navigation, who is signed in and may do what, theme, time zone, version."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from dashboard.access import Can, Role, role_of
from dashboard.formatting import zone_label
from dashboard.pages.system import health_line
from jobs.services.watchdog import vitals

THEME_COOKIE = "theme"  # written by static/js/theme.js
THEMES = ("light", "dark")
# Seconds. A schedule is overdue a minute after its slot, and every open page says so within two of its intervals.
ALARM_POLL = 30


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation, current for every address of its URL namespaces; shown to who may do `action`."""

    label: str
    route: str
    icon: str
    namespaces: frozenset[str]
    action: str = "see"


@dataclass(frozen=True, slots=True)
class NavItem:
    """A section as the template draws it; `current` is the value of `aria-current`, empty elsewhere."""

    label: str
    href: str
    icon: str
    current: str


@dataclass(frozen=True, slots=True)
class HealthLine:
    """Whether Patchbay itself is well: the line at the foot of the navigation, and in the top bar while it is not."""

    status: str
    text: str

    @property
    def version(self) -> str:
        """Name what it says, so that a poll is answered only when that has changed."""
        return blake2b(f"{self.status} {self.text}".encode(), digest_size=6).hexdigest()


# Only pages that exist.
SECTIONS = (
    Section("Connections", "connections:list", "plug", frozenset({"connections", "bulk"})),
    Section("Jobs", "jobs:list", "jobs", frozenset({"jobs"})),
    Section("Sessions", "sessions:list", "sessions", frozenset({"sessions"})),
    Section("Destinations", "destinations:list", "db", frozenset({"destinations"})),
    Section("Activity", "activity:list", "activity", frozenset({"activity"}), "read_audit_log"),
    Section("System", "system:overview", "system", frozenset({"system"})),
    Section("Settings", "settings:overview", "settings", frozenset({"settings"}), "edit_settings"),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """Give every template the frame's values. Nothing here queries before a template asks for it."""
    now = timezone.now()
    return {
        "now": now,
        "nav_items": SimpleLazyObject(lambda: navigation(request, role_of(request.user))),
        "theme": theme_of(request),
        "zone": zone_label(timezone.get_current_timezone(), now),
        "version": settings.VERSION,
        "environment": settings.PATCHBAY_ENVIRONMENT,
        "role": SimpleLazyObject(lambda: role_of(request.user)),
        "shell_health": SimpleLazyObject(health),
        "alarm_seconds": ALARM_POLL,
        "can": SimpleLazyObject(lambda: Can(role_of(request.user))),
    }


def navigation(request: HttpRequest, role: Role) -> list[NavItem]:
    """Return the sections that a role may see; the current one is "page" on its own address, "true" on one below it."""
    match = request.resolver_match
    namespace = match.namespace if match else ""
    can = Can(role)
    items = []
    for section in SECTIONS:
        if not can[section.action]:
            continue
        href = reverse(section.route)
        inside = "true" if namespace in section.namespaces else ""
        items.append(NavItem(section.label, href, section.icon, "page" if request.path == href else inside))
    return items


def health() -> HealthLine:
    """Return whether Patchbay itself is well, in one query."""
    return HealthLine(*health_line(vitals()))


def theme_of(request: HttpRequest) -> str:
    """Return the chosen theme, "light" or "dark", or an empty string to follow the system."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""
