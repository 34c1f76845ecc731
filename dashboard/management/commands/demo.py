"""`manage.py demo`: the first members, and a demo whose syncs really run."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from connectors.errors import entry, told
from connectors.plan import SyncError
from dashboard.access import MEMBER_ROLES, Role
from dashboard.demo.connections import Sandbox, ensure_demo
from dashboard.demo.databases import Server
from dashboard.demo.people import ensure_members
from dashboard.demo.visits import ensure_visits
from jobs.text import counted


class Command(BaseCommand):
    """Puts in what is missing of the demo; what is there stays, but for addresses that changed."""

    help = "Put in the demo: members, sources, destinations and connections. Harmless when repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--empty` and `--visits`."""
        parser.add_argument("--empty", action="store_true", help="only the first admin, no demo")
        parser.add_argument("--visits", action="store_true", help="only the end users, who need the web")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the members and, unless `--empty`, the demo. Raises `CommandError` with what to do.

        The end users come last, by themselves: they go through the hosted flow of the web that runs.
        """
        if options["visits"]:
            actor = User.objects.filter(groups__name=Role.ADMIN.label).order_by("pk")[0]
            count = ensure_visits(root=f"http://127.0.0.1:{os.environ['PORT']}/", actor=actor)
            self.stdout.write(f"{counted(count, 'end user')} went through the connect flow: see Sessions")
            return
        roles = ["admin"] if options["empty"] else [role.label for role in reversed(MEMBER_ROLES)]
        members = ensure_members(settings.PATCHBAY_HOME, roles)
        if options["empty"]:
            return
        sandbox = Sandbox(settings.PATCHBAY_SANDBOX_URL, settings.PATCHBAY_SANDBOX_API_KEY)
        try:
            ensure_demo(server=Server(os.environ["DATABASE_URL"]), sandbox=sandbox, actor=members["admin"])
        except psycopg.Error as error:
            message = (
                "The demo needs a database user that may create databases and roles; this one was refused "
                f"({str(error).strip()}). Start without the demo: manage.py up --empty"
            )
            raise CommandError(message) from None
        except SyncError as error:
            title = told(entry(error.code).title, source="A demo source", destination="the demo's warehouse")
            raise CommandError(f"{title}: {error.detail}") from None
