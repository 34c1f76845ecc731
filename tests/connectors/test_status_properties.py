"""Rules of the status that hold for any facts, and for any order in which services change them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import REGISTRY
from connectors.models import BROKEN_AFTER, Connection, Entity, Status
from connectors.plan import FoundEntity, FoundTable
from connectors.services import facts
from connectors.services.connect import set_credentials, take_up
from connectors.services.pause import AlreadyPausedError, NotPausedError, pause, resume
from connectors.services.reconcile import reconcile
from connectors.status import (
    MISSING,
    RunFacts,
    SetupFacts,
    derive_connection,
    derive_entity,
    derive_setup,
    reason_in_words,
)
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import run_once

SETUPS = st.builds(
    SetupFacts,
    paused_by=st.sampled_from(["", "user", "rule"]),
    has_config=st.booleans(),
    has_credentials=st.booleans(),
    is_tested=st.booleans(),
    has_tables=st.booleans(),
)
RUNS = st.one_of(
    st.just(RunFacts()), st.builds(RunFacts, st.sampled_from(sorted(REGISTRY)), st.integers(min_value=1, max_value=9))
)
WHOLE = SetupFacts()


@given(SETUPS, RUNS)
def test_any_facts_have_one_status_with_a_reason_in_words(setup: SetupFacts, runs: RunFacts) -> None:
    derived = derive_entity(setup, runs)

    assert derived.status in Status
    assert (derived.reason == "ok") == (derived.status == Status.ACTIVE)
    assert bool(reason_in_words(derived.status, derived.reason)) == (derived.status != Status.ACTIVE)


@given(SETUPS, st.lists(RUNS, max_size=5))
def test_setup_decides_alike_for_the_connection_and_all_its_entities(setup: SetupFacts, runs: list[RunFacts]) -> None:
    decided = derive_setup(setup)

    whole = derive_connection(setup, runs)
    if decided is None:
        assert whole.status in {Status.ACTIVE, Status.BROKEN}
    else:
        assert {whole, *(derive_entity(setup, one) for one in runs)} == {decided}


@given(SETUPS)
def test_pause_hides_what_is_missing_and_its_end_shows_it_again(setup: SetupFacts) -> None:
    decided = derive_setup(setup)

    assert (decided is not None and decided.status == Status.PAUSED) == bool(setup.paused_by)
    if decided and decided.status == Status.INCOMPLETE:
        assert decided.reason in MISSING


@given(st.lists(RUNS, min_size=1, max_size=6))
def test_connection_is_broken_exactly_when_all_its_entities_are(runs: list[RunFacts]) -> None:
    entities = [derive_entity(WHOLE, one) for one in runs]

    whole = derive_connection(WHOLE, runs)

    assert (whole.status == Status.BROKEN) == all(one.status == Status.BROKEN for one in entities)
    if whole.status == Status.BROKEN:
        assert whole.reason in {one.reason for one in entities}


@given(st.lists(RUNS, max_size=6).flatmap(lambda runs: st.tuples(st.just(runs), st.permutations(runs))))
def test_order_of_the_entities_changes_no_status(pair: tuple[list[RunFacts], list[RunFacts]]) -> None:
    runs, shuffled = pair

    assert derive_connection(WHOLE, shuffled).status == derive_connection(WHOLE, runs).status


@given(st.sampled_from(sorted(REGISTRY)), st.integers(min_value=1, max_value=20))
def test_one_more_failure_never_makes_it_better(code: str, streak: int) -> None:
    before, after = (derive_entity(WHOLE, RunFacts(code, count)).status for count in (streak, streak + 1))

    assert before == Status.ACTIVE or after == Status.BROKEN
    assert streak < BROKEN_AFTER or before == Status.BROKEN


def _pause(connection: Connection, entity: Entity) -> None:
    del entity
    try:
        pause(connection=connection, reason="Later", actor=None)
    except AlreadyPausedError:
        assert connection.pauses.open().count() == 1


def _resume(connection: Connection, entity: Entity) -> None:
    del entity
    try:
        resume(connection=connection, actor=None)
    except NotPausedError:
        assert not connection.pauses.open().exists()


def _new_password(connection: Connection, entity: Entity) -> None:
    del entity
    set_credentials(connection=connection, credentials={"password": "another one"})


def _test(connection: Connection, entity: Entity) -> None:
    table = FoundTable(name="orders", source_schema="public", mode="merge", keys=("id",), cursor="", estimated_rows=7)
    take_up(connection=connection, entities=[FoundEntity(ref=entity.ref, name=entity.name)], tables=[table])


def _succeed(connection: Connection, entity: Entity) -> None:
    del connection
    run_once(entity)


def _is_refused(connection: Connection, entity: Entity) -> None:
    del connection
    run_once(entity, "invalid_credentials")


def _finds_bad_data(connection: Connection, entity: Entity) -> None:
    del connection
    run_once(entity, "insufficient_permissions")


ACTIONS: tuple[Callable[[Connection, Entity], None], ...] = (
    _pause, _resume, _new_password, _test, _succeed, _is_refused, _finds_bad_data,
)  # fmt: skip


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1)), max_size=7))
def test_services_never_leave_a_difference(
    steps: list[tuple[Callable[[Connection, Entity], None], int]],
) -> None:
    """Whatever the services do, in any order, the reconciler finds nothing to mend afterwards."""
    with transaction.atomic():
        connection = make_ready_connection()
        entities = [make_entity(connection), make_entity(connection)]
        facts.refresh(facts.lock(connection.pk))
        for action, which in steps:
            action(Connection.objects.get(pk=connection.pk), Entity.objects.get(pk=entities[which].pk))
            assert reconcile() == []
        transaction.set_rollback(True)
