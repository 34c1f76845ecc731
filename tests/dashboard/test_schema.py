"""The Schema tab: what it shows to whom, what its forms store, and what they refuse."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from connectors.models import Activity, Connection, SchemaChange, SchemaPolicy, Status, Table
from connectors.services.changing import version_of
from connectors.services.decide import policy_facts
from connectors.services.shape import column_facts, filter_facts, how_facts
from tests.dashboard.schema_records import INVOICES, change_everything, make_change, make_schema_connection, make_table

pytestmark = pytest.mark.django_db
# Head, session and the tab itself; the same for one table and for three thousand.
QUERIES = 16


def address(connection: Connection, query: str = "") -> str:
    return f"/connections/{connection.pk}/schema/{query}"


def invoices_of(connection: Connection) -> Table:
    return connection.tables.get(name="invoices")


def post(client: Client, connection: Connection, part: str, **values: Any) -> Any:
    return client.post(address(connection), {"part": part, **values})


def text_of(response: Any) -> str:
    return str(response.content.decode())


def acts(connection: Connection) -> list[str]:
    return list(Activity.objects.filter(connection=connection).order_by("pk").values_list("action", flat=True))


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_each_change_says_what_it_means(operator: Client) -> None:
    connection = make_schema_connection(recent_runs=[{"id": "1", "status": "success", "ms": 125_000}])
    change_everything(connection)

    page = text_of(operator.get(address(connection)))

    assert "6 pending schema changes" in page
    for said in (
        "amount_net: numeric(10,2) to numeric(12,2)",
        "The column becomes wider at the destination. No re-load.",
        "iban character varying(34)",
        "Copied from the next run on. Older rows stay empty there until a re-sync.",
        "pdf_blob bytea",
        "The column stays at the destination with its old values; new and changed rows are empty there.",
        "refunds, 2 columns",
        "Copied from the next run on, all its rows first. About 12,000 rows; a run usually takes 2 m 05 s.",
        "Not copied any more. Its rows stay at the destination.",
        "id to id, invoice_no",
        "Not copied now. “amount_net” has another type at the source.",
        "8 of 9 selected",
        ">New<",
        ">Gone<",
        "3 changes",
    ):
        assert said in page, said


def test_every_page_of_the_connection_counts_what_waits(viewer: Client) -> None:
    connection = make_schema_connection()
    make_change(invoices_of(connection), "column_added", "iban")

    assert "1 pending change<" in text_of(viewer.get(f"/connections/{connection.pk}/"))
    assert "1 pending change<" in text_of(viewer.get(f"/connections/{connection.pk}/setup/"))


def test_viewer_sees_everything_and_can_press_nothing(viewer: Client) -> None:
    connection = make_schema_connection()
    change_everything(connection)

    response = viewer.get(address(connection))

    page = text_of(response)
    assert "iban" in page
    assert "Merge by key" in page
    for pressed in ("Accept", "Save", "Add line", "Read schema again"):
        assert f">{pressed}" not in page, pressed
    assert post(viewer, connection, "policy", policy="stop").status_code == 403


@pytest.mark.parametrize("count", [1, 3000])
def test_page_costs_the_same_however_many_tables(
    operator: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    connection = make_schema_connection()
    base = {"connection": connection, "found": INVOICES, "agreed": INVOICES, "found_count": len(INVOICES)}
    Table.objects.bulk_create(Table(name=f"t{n:04}", source_schema=f"s{n % 3}", **base) for n in range(1, count))
    operator.get(address(connection))

    with django_assert_num_queries(QUERIES):
        response = operator.get(address(connection))

    page = text_of(response)
    assert page.count("data-open") == 1
    if count > 1:
        assert "1 to 100 of 3,000" in page
        assert "3,000 of 3,000 tables selected" in page
        found = text_of(operator.get(address(connection, "?text=t2999")))
        assert 'aria-label="Sync t2999"' in found
        assert 'aria-label="Sync t0001"' not in found


def test_without_tables_there_is_a_way_on(operator: Client) -> None:
    connection = make_schema_connection()
    connection.tables.all().delete()

    page = text_of(operator.get(address(connection)))

    assert "No tables known yet" in page
    assert "Read schema again" in page


def test_unknown_values_in_the_address_are_told(viewer: Client) -> None:
    connection = make_schema_connection()

    response = viewer.get(address(connection, "?after=nowhere&table=none&columns=x"))

    assert response.status_code == 200
    assert text_of(response).count("is not a value that the page knows") == 3


def test_fragment_has_no_frame(viewer: Client) -> None:
    connection = make_schema_connection()

    page = text_of(viewer.get(address(connection), headers={"HX-Request": "true"}))

    assert "invoices" in page
    assert "<html" not in page


def test_long_tables_show_their_columns_in_pages(operator: Client) -> None:
    connection = make_schema_connection()
    wide = make_table(connection, "wide", [[f"c{n:04}", "text"] for n in range(5000)])

    page = text_of(operator.get(address(connection, f"?table={wide.pk}&columns=50")))

    assert "5,000 of 5,000 selected" in page
    assert "Page 50 of 50" in page
    assert 'aria-label="Copy column c4999"' in page
    assert 'aria-label="Copy column c0001"' not in page


# ---- decisions -------------------------------------------------------------------------------------------------------


def test_one_line_is_accepted_another_ignored_and_taken_back(operator: Client) -> None:
    connection = make_schema_connection()
    changes = change_everything(connection)

    post(operator, connection, "changes", accept=changes["column_added"].pk)
    post(operator, connection, "changes", ignore=changes["column_retyped"].pk)

    connection.refresh_from_db()
    assert connection.pending_changes == 4
    table = invoices_of(connection)
    assert ["iban", "character varying(34)"] in table.agreed
    assert ["amount_net", "numeric(10,2)"] in table.agreed
    page = text_of(operator.get(address(connection, "?changes=decided")))
    assert "by operator, " in page
    assert "The column is left out: old values stay, new and changed rows are empty there." in page

    post(operator, connection, "changes", back=changes["column_retyped"].pk)

    connection.refresh_from_db()
    assert connection.pending_changes == 5
    assert acts(connection) == [
        "connection.schema_accepted", "connection.schema_ignored", "connection.schema_reopened",
    ]  # fmt: skip


def test_all_that_is_shown_is_accepted_at_once(operator: Client) -> None:
    connection = make_schema_connection()
    changes = change_everything(connection)

    post(operator, connection, "changes", all="1", shown=[change.pk for change in changes.values()])

    connection.refresh_from_db()
    assert connection.pending_changes == 0
    assert dict(connection.tables.values_list("name", "is_selected")) == {
        "invoices": True, "refunds": True, "export_tmp": False, "numbers": True,
    }  # fmt: skip
    numbers = connection.tables.get(name="numbers")
    assert (numbers.keys, numbers.generation) == (["id", "invoice_no"], 1)
    assert invoices_of(connection).generation == 0
    assert [name for name, _ in invoices_of(connection).agreed] == [
        "id", "invoice_no", "customer_id", "issued_on", "status", "amount_net", "updated_at", "iban",
    ]  # fmt: skip


def test_what_somebody_else_has_decided_is_told(operator: Client) -> None:
    connection = make_schema_connection()
    change = make_change(invoices_of(connection), "column_added", "iban", after="text")
    post(operator, connection, "changes", ignore=change.pk)

    response = post(operator, connection, "changes", accept=change.pk)

    assert response.status_code == 409
    assert "Somebody else changed this" in text_of(response)
    assert SchemaChange.objects.get().status == "ignored"


def test_change_of_another_connection_is_out_of_reach(operator: Client) -> None:
    connection, other = make_schema_connection(), make_schema_connection()
    change = make_change(invoices_of(other), "column_added", "iban", after="text")

    assert post(operator, connection, "changes", accept=change.pk).status_code == 409
    assert SchemaChange.objects.get().status == "pending"


def test_stop_holds_the_connection_until_everything_is_decided(operator: Client) -> None:
    connection = make_schema_connection()
    change = make_change(invoices_of(connection), "column_dropped", "pdf_blob", before="bytea")
    connection.entities.update(last_error_code="schema_review_pending", failure_streak=2)

    post(operator, connection, "policy", policy="stop", seen=version_of(policy_facts(connection)))

    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == (Status.INCOMPLETE, "schema_review_pending")
    assert connection.next_run_at is None
    page = text_of(operator.get(f"/connections/{connection.pk}/"))
    assert f'href="/connections/{connection.pk}/schema/">' in page
    assert "Review changes" in page
    assert ">1 to review</a>" in page
    refused = operator.post(f"/connections/{connection.pk}/sync/")
    assert refused.status_code == 409
    assert "Review changes" in text_of(refused)
    assert "The source has changed, and its policy lets nothing run before somebody has decided." in page

    post(operator, connection, "changes", accept=change.pk)

    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == (Status.ACTIVE, "ok")
    assert connection.next_run_at is not None


def test_policy_decides_about_what_waits(operator: Client) -> None:
    connection = make_schema_connection()
    change_everything(connection)

    response = post(operator, connection, "policy", policy="accept_columns", seen=version_of(policy_facts(connection)))

    assert response.status_code == 302
    connection.refresh_from_db()
    assert (connection.schema_policy, connection.pending_changes) == (SchemaPolicy.ACCEPT_COLUMNS, 5)
    assert post(operator, connection, "policy", policy="whatever").status_code == 422
    assert post(operator, connection, "policy", policy="stop", seen="old").status_code == 409


# ---- one table -------------------------------------------------------------------------------------------------------


def how(table: Table, **values: Any) -> dict[str, Any]:
    usual = {"is_selected": "on", "mode": table.mode, "cursor": table.cursor, "keys": table.keys}
    return {**usual, "table_id": table.pk, "seen": version_of(how_facts(table)), **values}


def test_mode_key_and_cursor_are_stored_and_read_all_rows_again(operator: Client) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)

    response = post(operator, connection, "how", **how(table, mode="append", cursor="id", keys=[]))

    assert response.status_code == 302
    table.refresh_from_db()
    assert (table.mode, table.cursor, table.keys, table.generation) == ("append", "id", [], 1)
    assert "All its rows are read again with the next run" in text_of(operator.get(response["Location"]))
    assert acts(connection) == ["connection.table_changed"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mode": "merge", "keys": []}, "A merge needs a key"),
        ({"mode": "append", "cursor": ""}, "An append needs a cursor"),
        ({"mode": "append", "cursor": "pdf_blob"}, "This is no column of the table any more"),
        ({"mode": "sideways"}, "Select a valid choice"),
        ({"keys": ["nothing"]}, "This is no column of the table any more"),
    ],
)
def test_illegal_settings_are_told_beside_the_field(operator: Client, values: dict[str, Any], said: str) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)

    response = post(operator, connection, "how", **how(table, **values))

    assert response.status_code == 422
    assert said in text_of(response)
    assert how_facts(invoices_of(connection)) == how_facts(table)


def test_last_table_that_is_taken_out_leaves_the_connection_incomplete(operator: Client) -> None:
    connection = make_schema_connection()
    make_change(invoices_of(connection), "column_added", "iban")

    post(operator, connection, "how", **how(invoices_of(connection), is_selected=""))

    connection.refresh_from_db()
    assert (connection.status_reason, connection.pending_changes) == ("no_tables_selected", 0)


def lines(*filters: tuple[str, str, str]) -> dict[str, str]:
    names = ("column", "operator", "value")
    return {
        f"line{number}-{name}": value
        for number, one in enumerate(filters, start=1)
        for name, value in zip(names, one, strict=True)
    }


def test_row_filter_grows_shrinks_and_is_stored_by_buttons_alone(operator: Client) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)
    of_table = {"table_id": table.pk, "seen": version_of(filter_facts(table))}
    typed = lines(("issued_on", "ge", "2024-01-01"))

    added = text_of(post(operator, connection, "filters", action="add", **of_table, **typed))
    assert 'value="2024-01-01"' in added
    assert "Remove line 2" in added
    two = {**typed, **lines(("issued_on", "ge", "2024-01-01"), ("status", "in", "a\nb"))}
    fewer = text_of(post(operator, connection, "filters", action="remove-1", **of_table, **two))
    assert "Remove line 2" not in fewer
    assert 'value="2024-01-01"' not in fewer
    assert invoices_of(connection).filters == []

    stored = post(operator, connection, "filters", action="save", **of_table, **two)

    assert stored.status_code == 302
    assert invoices_of(connection).filters == [
        {"column": "issued_on", "operator": "ge", "value": "2024-01-01"},
        {"column": "status", "operator": "in", "value": "a\nb"},
    ]
    assert invoices_of(connection).generation == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("issued_on", "ge", ""), "Give the value to compare with."),
        (("nothing", "eq", "1"), "This is no column of the table any more"),
        (("id", "around", "1"), "Select a valid choice"),
        (("id", "eq", "1" * 3000), "at most 2000 characters"),
    ],
)
def test_row_filter_that_cannot_be_used_is_told(operator: Client, line: tuple[str, str, str], said: str) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)

    response = post(
        operator,
        connection,
        "filters",
        action="save",
        table_id=table.pk,
        seen=version_of(filter_facts(table)),
        **lines(line),
    )

    assert response.status_code == 422
    assert said in text_of(response)
    assert invoices_of(connection).filters == []


def test_rows_are_counted_on_a_press_and_nothing_is_stored(operator: Client) -> None:
    connection = make_schema_connection(config={"host": "127.0.0.1", "port": 1, "database": "d", "user": "u"})
    table = invoices_of(connection)
    of_table = {"table_id": table.pk, "seen": version_of(filter_facts(table))}
    typed = lines(("id", "ge", "17"))

    assert ">Count rows<" not in text_of(operator.get(address(connection)))
    response = post(operator, connection, "filters", action="count", **of_table, **typed)

    # Nobody answers there; what was typed is kept, with the reason beside it.
    assert response.status_code == 422
    assert "Nothing answers" in text_of(response) or "refused" in text_of(response)
    assert 'value="17"' in text_of(response)
    assert "Count rows" in text_of(response)
    assert invoices_of(connection).filters == []


def columns(table: Table, chosen: list[str], **protected: str) -> dict[str, Any]:
    hidden = {f"protect:{name}": value for name, value in protected.items()}
    shown = [name for name, _ in table.agreed]
    seen = version_of(column_facts(table))
    return {"table_id": table.pk, "seen": seen, "shown": shown, "chosen": chosen, **hidden}


def test_columns_are_left_out_and_their_values_hidden(operator: Client) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)
    chosen = [name for name, _ in INVOICES if name != "pdf_blob"]

    response = post(operator, connection, "columns", **columns(table, chosen, invoice_no="hash", status="mask"))

    assert response.status_code == 302
    table.refresh_from_db()
    assert table.columns == chosen
    assert (table.protected, table.generation) == ({"invoice_no": "hash", "status": "mask"}, 1)
    (act,) = Activity.objects.filter(connection=connection)
    assert [(one["field"], one["before"], one["after"]) for one in act.changes] == [
        ("invoice_no", "copied", "hashed"), ("status", "copied", "masked"), ("pdf_blob", "copied", "not copied"),
    ]  # fmt: skip
    page = text_of(operator.get(address(connection)))
    assert "7 of 8 selected" in page


@pytest.mark.parametrize(
    ("left_out", "protected", "said"),
    [
        ({"id"}, {}, "“id” is the key or the cursor, so it cannot be left out."),
        ({"updated_at"}, {}, "“updated_at” is the key or the cursor"),
        (set(), {"id": "mask"}, "“id” is part of the key: masked values are alike. Hash it instead."),
        (set(), {"updated_at": "hash"}, "“updated_at” is the cursor, so its values cannot be hidden."),
        ({name for name, _ in INVOICES}, {}, "Choose at least one column"),
    ],
)
def test_key_and_cursor_stay(operator: Client, left_out: set[str], protected: dict[str, str], said: str) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)
    chosen = [name for name, _ in INVOICES if name not in left_out]

    response = post(operator, connection, "columns", **columns(table, chosen, **protected))

    assert response.status_code == 422
    assert said in text_of(response)
    assert column_facts(invoices_of(connection)) == column_facts(table)


@pytest.mark.parametrize("part", ["how", "filters", "columns"])
def test_settings_that_somebody_else_changed_are_not_overwritten(operator: Client, part: str) -> None:
    connection = make_schema_connection()
    table = invoices_of(connection)
    values: dict[str, dict[str, Any]] = {
        "how": how(table, mode="replace"),
        "filters": {"table_id": table.pk, "seen": "", "action": "save", **lines(("id", "eq", "1"))},
        "columns": columns(table, ["id", "updated_at"]),
    }

    response = post(operator, connection, part, **{**values[part], "seen": "an older one"})

    assert response.status_code == 409
    assert "so nothing of yours was stored" in text_of(response)
    assert acts(connection) == []


@pytest.mark.parametrize("part", ["how", "filters", "columns"])
def test_table_of_another_connection_is_out_of_reach(operator: Client, part: str) -> None:
    connection, other = make_schema_connection(), make_schema_connection()

    for table in (invoices_of(other).pk, uuid4(), "none"):
        assert post(operator, connection, part, table_id=table, action="save").status_code == 422
    assert post(operator, connection, "nothing").status_code == 422


def test_new_table_that_is_ticked_in_the_list_is_agreed_to(operator: Client) -> None:
    connection = make_schema_connection()
    change_everything(connection)
    refunds = connection.tables.get(name="refunds")
    seen = text_of(operator.get(address(connection))).partition('name="part" value="tables"')[2]
    seen = seen.partition('name="seen" value="')[2].partition('"')[0]

    post(operator, connection, "tables", seen=seen, shown=[refunds.pk], chosen=[refunds.pk])

    assert connection.schema_changes.get(kind="table_added").status == "accepted"
    connection.refresh_from_db()
    assert connection.pending_changes == 5
