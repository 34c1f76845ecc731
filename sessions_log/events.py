"""The names of events, and what each says about where somebody is.

`page.viewed`, `page.exited`, `help.opened` and `error.shown` happen at any stage and name it themselves; others
belong to one. What is typed is no part of any event.
"""

from __future__ import annotations

from django.db import models

from sessions_log.stages import Stage


class EventName(models.TextChoices):
    """What can happen in a session, `noun.verb`."""

    LINK_CREATED = "link.created"
    LINK_CLICKED = "link.clicked"
    SESSION_OPENED = "session.opened"
    PAGE_VIEWED = "page.viewed"
    PAGE_EXITED = "page.exited"
    TERMS_ACCEPTED = "terms.accepted"
    TERMS_DECLINED = "terms.declined"
    PROVIDER_SEARCHED = "provider.searched"
    PROVIDER_SELECTED = "provider.selected"
    AUTH_METHOD_SELECTED = "auth_method.selected"
    CREDENTIALS_SUBMITTED = "credentials.submitted"
    OAUTH_OPENED = "oauth.opened"
    OAUTH_CLOSED = "oauth.closed"
    OAUTH_FAILED = "oauth.failed"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    FILE_SUBMITTED = "file.submitted"
    FILE_ACCEPTED = "file.accepted"
    FILE_REFUSED = "file.refused"
    MFA_REQUESTED = "mfa.requested"
    MFA_SUBMITTED = "mfa.submitted"
    MFA_FAILED = "mfa.failed"
    ENTITY_LISTED = "entity.listed"
    ENTITY_SELECTED = "entity.selected"
    PERMISSIONS_VERIFIED = "permissions.verified"
    PERMISSIONS_MISSING = "permissions.missing"
    HELP_OPENED = "help.opened"
    ERROR_SHOWN = "error.shown"
    SESSION_EXITED = "session.exited"
    SESSION_RESUMED = "session.resumed"
    SESSION_ABANDONED = "session.abandoned"
    SESSION_COMPLETED = "session.completed"
    SESSION_EXPIRED = "session.expired"


class Source(models.TextChoices):
    """Who saw it: our server, our script in the person's browser, or somebody's own front end."""

    SERVER = "server"
    BROWSER = "browser"
    API = "api"


_E = EventName
# The stage that somebody is at, at the least, once this happened. What passes a stage leads to the next one.
STAGE_OF: dict[str, Stage] = {
    _E.LINK_CREATED: Stage.INVITED,
    _E.LINK_CLICKED: Stage.OPENED,
    _E.SESSION_OPENED: Stage.OPENED,
    _E.TERMS_DECLINED: Stage.TERMS,
    _E.TERMS_ACCEPTED: Stage.PROVIDER_SELECTION,
    _E.PROVIDER_SEARCHED: Stage.PROVIDER_SELECTION,
    _E.PROVIDER_SELECTED: Stage.AUTHENTICATION,
    _E.AUTH_METHOD_SELECTED: Stage.AUTHENTICATION,
    _E.CREDENTIALS_SUBMITTED: Stage.AUTHENTICATION,
    _E.OAUTH_OPENED: Stage.AUTHENTICATION,
    _E.OAUTH_CLOSED: Stage.AUTHENTICATION,
    _E.OAUTH_FAILED: Stage.AUTHENTICATION,
    _E.LOGIN_FAILED: Stage.AUTHENTICATION,
    # Files are delivered where others sign in: both show that somebody may give the data.
    _E.FILE_SUBMITTED: Stage.AUTHENTICATION,
    _E.FILE_ACCEPTED: Stage.AUTHENTICATION,
    _E.FILE_REFUSED: Stage.AUTHENTICATION,
    _E.MFA_REQUESTED: Stage.MFA,
    _E.MFA_SUBMITTED: Stage.MFA,
    _E.MFA_FAILED: Stage.MFA,
    _E.LOGIN_SUCCEEDED: Stage.ENTITY_SELECTION,
    _E.ENTITY_LISTED: Stage.ENTITY_SELECTION,
    _E.ENTITY_SELECTED: Stage.VERIFICATION,
    _E.PERMISSIONS_VERIFIED: Stage.VERIFICATION,
    _E.PERMISSIONS_MISSING: Stage.VERIFICATION,
    _E.SESSION_COMPLETED: Stage.CONNECTED,
}
# The stage that an event is told under, where that is another one than the one it leads to.
TOLD_UNDER: dict[str, Stage] = {
    _E.TERMS_ACCEPTED: Stage.TERMS,
    _E.PROVIDER_SELECTED: Stage.PROVIDER_SELECTION,
    _E.LOGIN_SUCCEEDED: Stage.AUTHENTICATION,
    _E.MFA_REQUESTED: Stage.AUTHENTICATION,
    _E.ENTITY_SELECTED: Stage.ENTITY_SELECTION,
}
# What our server alone decides; nobody else may say it.
OF_SERVER = frozenset({_E.LINK_CREATED, _E.LINK_CLICKED, _E.SESSION_ABANDONED, _E.SESSION_EXPIRED, _E.SESSION_RESUMED})
# What the script of the hosted flow may say: what only a browser knows.
OF_BROWSER = frozenset({_E.PAGE_EXITED, _E.HELP_OPENED, _E.PAGE_VIEWED})
# What the person did not do.
SILENT = frozenset({_E.LINK_CREATED, _E.SESSION_ABANDONED, _E.SESSION_EXPIRED})
REFUSALS = frozenset({_E.LOGIN_FAILED, _E.MFA_FAILED, _E.OAUTH_FAILED, _E.FILE_REFUSED, _E.PERMISSIONS_MISSING})
