"""The first members, each with a random password that only the credentials file holds."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from django.contrib.auth.models import Group, User

from dashboard.stack.files import read_object, write_private

CREDENTIALS_FILE = "demo-credentials.json"
_PASSWORD_BYTES = 12


def ensure_members(home: Path, roles: Sequence[str]) -> dict[str, User]:
    """Make a member per role where there is none, and keep their passwords in a file of mode 600 in `home`.

    Returns the members by role. A member whose password is not in the file gets a new one.
    """
    passwords: dict[str, str] = dict(read_object(home / CREDENTIALS_FILE).get("users", {}))
    members = {role: _member(role, passwords) for role in roles}
    write_private(home / CREDENTIALS_FILE, json.dumps({"users": passwords}, indent=2))
    return members


def _member(role: str, passwords: dict[str, str]) -> User:
    user, is_new = User.objects.get_or_create(username=role, defaults={"email": f"{role}@patchbay.example"})
    if is_new or role not in passwords:
        passwords[role] = secrets.token_urlsafe(_PASSWORD_BYTES)
        user.set_password(passwords[role])
        user.save(update_fields=["password"])
        user.groups.add(Group.objects.get(name=role))
    return user
