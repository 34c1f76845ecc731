"""Every address. The policy table in `dashboard.access` lists each of them with the role it needs."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import (
    actions,
    activity,
    api,
    bulk,
    connect,
    connect_look,
    connect_steps,
    connect_upload,
    connection_exports,
    connection_menu,
    connection_pages,
    connection_sessions,
    connection_test,
    connections,
    data,
    destinations,
    entities,
    files,
    funnel,
    health,
    ingest_keys,
    insight,
    job_list,
    job_log,
    job_retry,
    job_support,
    jobs,
    schema,
    search,
    session_links,
    sessions,
    settings,
    setup,
    system,
    wizard,
    wizard_steps,
    write_back,
)

connection_patterns: list[URLPattern | URLResolver] = [
    path("", connections.list_, name="list"),
    path("connections.csv", connection_exports.csv, name="csv"),
    path("connections.json", connection_exports.json, name="json"),
    path("connections/columns/", connections.columns, name="columns"),
    path("connections/new/", wizard.catalogue, name="new"),
    path("connections/new/<slug:provider>/", wizard.start, name="new-of"),
    path("connections/<uuid:pk>/new/<slug:step>/", wizard_steps.step, name="setup-step"),
    path("connections/<uuid:pk>/", connection_pages.overview, name="overview"),
    path("connections/<uuid:pk>/jobs/", connection_pages.jobs, name="jobs"),
    path("connections/<uuid:pk>/insight/", insight.of_connection, name="insight"),
    path("connections/<uuid:pk>/sessions/", connection_sessions.sessions, name="sessions"),
    path("connections/<uuid:pk>/auth/", connection_sessions.auth, name="auth"),
    path("connections/<uuid:pk>/schema/", schema.schema, name="schema"),
    path("connections/<uuid:pk>/files/", files.files, name="files"),
    path("connections/<uuid:pk>/files/upload/", files.upload, name="upload"),
    path("connections/<uuid:pk>/files/<uuid:upload_pk>/withdraw/", files.withdraw, name="withdraw-upload"),
    path("connections/<uuid:pk>/data/", data.data, name="data"),
    path("connections/<uuid:pk>/setup/", setup.setup, name="setup"),
    path("connections/<uuid:pk>/activity/", activity.of_connection, name="activity"),
    path("connections/<uuid:pk>/actions/", connection_menu.actions, name="actions"),
    path("connections/<uuid:pk>/actions/<slug:action>/", write_back.action, name="action"),
    path("connections/<uuid:pk>/sync/", connections.sync, name="sync"),
    path("connections/<uuid:pk>/test/", connection_test.test, name="test"),
    path("connections/<uuid:pk>/discover/", actions.discover, name="discover"),
    path("connections/<uuid:pk>/pause/", actions.pause, name="pause"),
    path("connections/<uuid:pk>/resume/", actions.resume, name="resume"),
    path("connections/<uuid:pk>/resync/", actions.resync, name="resync"),
    path("connections/<uuid:pk>/purge/", actions.purge, name="purge"),
    path("connections/<uuid:pk>/duplicate/", actions.duplicate, name="duplicate"),
    path("connections/<uuid:pk>/delete/", actions.delete, name="delete"),
    path("connections/<uuid:pk>/entities/<uuid:entity_pk>/", entities.detail, name="entity"),
    path("connections/<uuid:pk>/entities/<uuid:entity_pk>/sync/", entities.sync, name="sync-entity"),
    path("connections/<uuid:pk>/entities/<uuid:entity_pk>/exclude/", entities.exclude, name="exclude-entity"),
    path("connections/<uuid:pk>/entities/<uuid:entity_pk>/include/", entities.include, name="include-entity"),
]

bulk_patterns: list[URLPattern | URLResolver] = [
    path("sync/", bulk.sync, name="sync"),
    path("test/", bulk.test, name="test"),
    path("pause/", bulk.pause, name="pause"),
    path("resume/", bulk.resume, name="resume"),
    path("tag/", bulk.tag, name="tag"),
    path("delete/", bulk.delete, name="delete"),
    path("<uuid:pk>/", bulk.detail, name="detail"),
]

job_patterns: list[URLPattern | URLResolver] = [
    path("", job_list.list_, name="list"),
    path("jobs.csv", job_list.csv, name="csv"),
    path("retry/", job_retry.retry, name="retry"),
    path("<uuid:pk>/", jobs.detail, name="detail"),
    path("<uuid:pk>/log.txt", job_log.text, name="log"),
    path("<uuid:pk>/cancel/", jobs.cancel, name="cancel"),
    path("<uuid:pk>/bundle/", job_support.bundle, name="bundle"),
]

session_patterns: list[URLPattern | URLResolver] = [
    path("", sessions.list_, name="list"),
    path("<uuid:pk>/", sessions.detail, name="detail"),
    path("funnel/", funnel.funnel, name="funnel"),
    path("funnel.csv", funnel.csv, name="funnel-csv"),
]

activity_patterns: list[URLPattern | URLResolver] = [
    path("", activity.list_, name="list"),
]

destination_patterns: list[URLPattern | URLResolver] = [
    path("", destinations.list_, name="list"),
    path("new/", destinations.new, name="new"),
    path("<uuid:pk>/", destinations.detail, name="detail"),
    path("<uuid:pk>/edit/", destinations.edit, name="edit"),
    path("<uuid:pk>/check/", destinations.check, name="check"),
    path("<uuid:pk>/delete/", destinations.delete, name="delete"),
]

system_patterns: list[URLPattern | URLResolver] = [
    path("", system.overview, name="overview"),
    path("alarm/", system.alarm, name="alarm"),
]

# Connect links, before they are used.
link_patterns: list[URLPattern | URLResolver] = [
    path("new/", session_links.new, name="new"),
    path("<uuid:pk>/withdraw/", session_links.withdraw_link, name="withdraw"),
]

settings_patterns: list[URLPattern | URLResolver] = [
    path("", settings.overview, name="overview"),
    path("connect/", settings.connect, name="connect"),
    path("connect/keys/", ingest_keys.keys, name="keys"),
    path("connect/keys/<uuid:pk>/revoke/", ingest_keys.revoke, name="revoke-key"),
]

# The hosted flow, open to everybody who has a link.
connect_patterns: list[URLPattern | URLResolver] = [
    path("look.css", connect_look.look_css, name="look"),
    path("logo", connect_look.logo, name="logo"),
    path("callback/", connect.oauth_return, name="oauth-return"),
    path("session/<uuid:pk>/events/", connect.events, name="events"),
    path("session/<uuid:pk>/help/", connect.help_, name="help"),
    path("session/<uuid:pk>/leave/", connect.leave, name="leave"),
    path("session/<uuid:pk>/left/", connect.left, name="left"),
    path("session/<uuid:pk>/upload/file/", connect_upload.upload, name="upload"),
    path("session/<uuid:pk>/<slug:page>/", connect_steps.step, name="step"),
    # Whatever stands there: a link that was cut off or spoiled is answered in words, too.
    path("<str:token>/", connect.start, name="start"),
]

api_patterns: list[URLPattern | URLResolver] = [
    path("session-events", api.session_events, name="session-events"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((connection_patterns, "connections"))),
    path("bulk/", include((bulk_patterns, "bulk"))),
    path("jobs/", include((job_patterns, "jobs"))),
    path("sessions/", include(([*session_patterns, *link_patterns], "sessions"))),
    path("activity/", include((activity_patterns, "activity"))),
    path("destinations/", include((destination_patterns, "destinations"))),
    path("system/", include((system_patterns, "system"))),
    path("connect/", include((connect_patterns, "connect"))),
    path("settings/", include((settings_patterns, "settings"))),
    path("api/v1/", include((api_patterns, "api"))),
    path("search/", search.results, name="search"),
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/inactive/", account.account_inactive, name="account_inactive"),
    path("accounts/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("healthz", health.live, name="health"),
]

handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
