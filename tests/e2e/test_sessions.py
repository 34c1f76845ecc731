"""The demo's end users: what their visits over HTTP left, in the database and on the pages."""

from __future__ import annotations

from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack

LEFT = {
    "Bexley Paper, finance": ("exited", "terms", ["terms_declined"]),
    "Brightwater Clinics, IT": ("failed", "verification", ["permission_missing"]),
    "Fairmont Optics, HR": ("opened", "authentication", ["sign_in_refused", "provider_changed", "provider_unknown"]),
    "Juniper Bakeries, payroll": ("completed", "connected", []),
    "Quarry Lane Shop, IT": ("created", "invited", []),
    "Tideway Marine, office": ("failed", "authentication", ["account_locked"]),
}


def test_each_visit_left_its_session(stack: Stack) -> None:
    found = stack.rows(
        "SELECT end_user_name, status, stage, findings FROM sessions_log_session WHERE origin = 'hosted'"
    )

    left = {name: (status, stage, [one["code"] for one in findings]) for name, status, stage, findings in found}
    assert {name: left.get(name) for name in LEFT} == LEFT


def test_the_one_who_connected_has_a_connection_that_synced(stack: Stack, visit: Visit) -> None:
    pk, job, rows = stack.rows(
        "SELECT session.id, job.status, job.rows_loaded FROM sessions_log_session session "
        "JOIN jobs_job job ON job.id = session.first_job_id WHERE session.status = 'completed' "
        "AND session.end_user_name = 'Juniper Bakeries, payroll'"
    )[0]
    assert job == "success"
    assert rows > 0

    with visit("viewer") as visitor:
        visitor.page.goto(f"{stack.url}/sessions/{pk}/")
        assert "Opened the link, signed in, and connected" in visitor.page.locator("main").inner_text()
        assert f"{rows:,} rows loaded" in visitor.page.locator("main").inner_text()
