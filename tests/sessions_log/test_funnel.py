"""The funnel: its arithmetic, and that what is added up and what is read at once always say the same."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections, transaction

from sessions_log.events import EventName
from sessions_log.funnel import Scope, read_funnel
from sessions_log.funnel.figures import by_provider, leak_of, passages_of
from sessions_log.funnel.reads import Outcome
from sessions_log.funnel.times import RATIO, Times
from sessions_log.models import FindingTally, Session, SessionStatus, SessionTally, TalliedDay, TallyMark, TimeTally
from sessions_log.services.record import NewEvent, record
from sessions_log.services.rollup import rollup
from sessions_log.stages import Stage, number_of
from tests.factories import make_connection
from tests.sessions_log.walks import walk, walk_everywhere

if TYPE_CHECKING:
    from pytest_django import Settings

NOW = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MONTH = Scope(datetime(2026, 10, 21, tzinfo=UTC))


def outcome(provider: str, stage: Stage, status: str, sessions: int, *, mfa: int = 0, entities: int = 0) -> Outcome:
    return Outcome(provider, number_of(stage), status, sessions, mfa, entities)


def ended(provider: str, sign_in: int, connected: int) -> list[Outcome]:
    """So many left at sign-in, and so many connected."""
    return [
        outcome(provider, Stage.AUTHENTICATION, SessionStatus.EXITED, sign_in),
        outcome(provider, Stage.CONNECTED, SessionStatus.COMPLETED, connected),
    ]


def test_who_reached_left_and_stays_adds_up_at_every_stage() -> None:
    passages = passages_of(
        [
            outcome("", Stage.INVITED, SessionStatus.EXPIRED, 46),
            outcome("", Stage.INVITED, SessionStatus.CREATED, 9),
            outcome("", Stage.TERMS, SessionStatus.EXITED, 30),
            outcome("", Stage.TERMS, SessionStatus.ABANDONED, 6),
            outcome("adp", Stage.AUTHENTICATION, SessionStatus.FAILED, 35),
            outcome("adp", Stage.AUTHENTICATION, SessionStatus.OPENED, 2, mfa=1),
            outcome("adp", Stage.MFA, SessionStatus.EXITED, 4, mfa=4),
            # The one who came back from the check to another sign-in connected all the same.
            outcome("adp", Stage.VERIFICATION, SessionStatus.COMPLETED, 1, mfa=1, entities=1),
            outcome("adp", Stage.CONNECTED, SessionStatus.COMPLETED, 172, mfa=60, entities=172),
        ]
    )

    assert [one.reached for one in passages.stages] == [305, 250, 250, 214, 214, 177, 173, 173, 173]
    assert [one.left for one in passages.stages] == [46, 0, 36, 0, 35, 4, 0, 0, 0]
    assert [one.here for one in passages.stages] == [9, 0, 0, 0, 2, 0, 0, 0, 0]
    assert (passages.sessions, passages.opened, passages.connected) == (305, 248, 173)
    assert (passages.waiting, passages.inside) == (9, 2)
    assert passages.of_all(Stage.OPENED) == (250, 296)
    assert passages.of_all(Stage.CONNECTED) == (173, 294)
    assert passages.of_previous(Stage.MFA) == (177, 212)
    assert (passages[Stage.MFA].asked, passages[Stage.MFA].decided) == (66, 66)
    assert (passages[Stage.AUTHENTICATION].asked, passages[Stage.AUTHENTICATION].decided) == (None, 212)
    for before, after in zip(passages.stages, passages.stages[1:], strict=False):
        assert before.reached == before.left + before.here + after.reached


def test_the_biggest_leak_is_the_stage_of_a_provider_that_costs_most_beside_the_others() -> None:
    outcomes = [*ended("adp", 18, 37), *ended("gusto", 17, 158), outcome("", Stage.TERMS, SessionStatus.EXITED, 40)]
    leak = leak_of(passages_of(outcomes), by_provider(outcomes))

    assert leak is not None
    assert (leak.stage, leak.provider, leak.left, leak.base, leak.all_left) == ("authentication", "adp", 18, 55, 35)
    # 18 less 55 * 17 / 175.
    assert (leak.others_left, leak.others, leak.would_connect) == (17, 175, 12)


@pytest.mark.parametrize(("mine", "others"), [(29, 400), (400, 29)])
def test_nothing_is_compared_under_a_base_of_thirty(mine: int, others: int) -> None:
    outcomes = [*ended("adp", mine // 2, mine - mine // 2), *ended("gusto", 1, others - 1)]
    leak = leak_of(passages_of(outcomes), by_provider(outcomes))

    assert leak is not None
    assert (leak.stage, leak.provider, leak.left) == ("authentication", "", mine // 2 + 1)


def test_providers_that_are_alike_are_no_leak_beside_each_other_and_nobody_lost_is_none() -> None:
    alike = [*ended("adp", 10, 90), *ended("gusto", 10, 90), outcome("", Stage.TERMS, SessionStatus.EXITED, 30)]
    leak = leak_of(passages_of(alike), by_provider(alike))
    good = [*ended("adp", 0, 90), outcome("", Stage.INVITED, SessionStatus.EXPIRED, 30)]

    assert leak is not None
    assert (leak.stage, leak.provider, leak.left, leak.base) == ("terms", "", 30, 230)
    assert leak_of(passages_of(good), by_provider(good)) is None


@pytest.mark.parametrize("seconds", [0.002, 0.4, 1.0, 22.0, 134.0, 5000.0, 86_400.0])
def test_what_a_histogram_says_is_at_most_two_and_a_half_percent_off(seconds: float) -> None:
    import math  # noqa: PLC0415 - the bucket as the database computes it

    bucket = math.floor(math.log(seconds * 1000) / math.log(RATIO))
    assert Times({bucket: 3}).median == pytest.approx(seconds, rel=0.025)


def test_quantiles_are_those_of_the_times_in_order() -> None:
    times = Times({10: 5, 20: 4, 30: 1})

    assert times.count == 10
    assert times.median == pytest.approx(RATIO**10.5 / 1000)
    assert times.p90 == pytest.approx(RATIO**20.5 / 1000)
    assert times.quantile(1.0) == pytest.approx(RATIO**30.5 / 1000)
    assert (Times().median, Times({0: 1}).median) == (None, 0.0)


@pytest.mark.django_db
def test_a_walk_away_from_each_stage_is_counted_where_it_ended() -> None:
    walk_everywhere(NOW - DAY)
    walk(Stage.INVITED, NOW - DAY, end=None)
    walk(Stage.AUTHENTICATION, NOW - DAY, end=None)

    funnel = read_funnel(MONTH, NOW)

    assert [one.reached for one in funnel.everybody.stages] == [11, 9, 8, 7, 6, 4, 3, 2, 1]
    assert [one.left for one in funnel.everybody.stages] == [1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert [one.here for one in funnel.everybody.stages] == [1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert list(funnel.providers) == ["postgres", ""]
    assert funnel.providers["postgres"].sessions == 6
    assert [(week.begin.isoformat(), week.opened, week.connected) for week in funnel.weeks if week.provider] == [
        ("2026-11-16", 5, 1)
    ]


@pytest.mark.django_db
def test_times_are_those_of_who_got_past_a_stage() -> None:
    walk(Stage.CONNECTED, NOW - DAY)
    walk(Stage.CONNECTED, NOW - DAY, provider="sandbox_payroll", mfa=False)
    # Who left after twenty minutes at the terms says nothing of how long these take.
    walk(Stage.TERMS, NOW - DAY)

    funnel = read_funnel(MONTH, NOW)
    passed = {stage: times.count for stage, times in funnel.times.items() if times.count}

    assert passed == {
        "opened": 3, "terms": 2, "provider_selection": 2, "authentication": 2, "mfa": 1, "entity_selection": 2,
        "verification": 2,
    }  # fmt: skip
    assert funnel.times[Stage.TERMS].median == pytest.approx(20, rel=0.025)
    assert funnel.times[Stage.PROVIDER_SELECTION].median == pytest.approx(10, rel=0.025)
    assert funnel.took["postgres"].median == pytest.approx(125, rel=0.025)
    assert (funnel.all_took.count, funnel.took["sandbox_payroll"].count) == (2, 1)


@pytest.mark.django_db
def test_a_scope_narrows_by_period_provider_kind_type_and_connection() -> None:
    owner = make_connection()
    walk(Stage.CONNECTED, NOW - DAY, connection=owner)
    walk(Stage.TERMS, NOW - DAY, kind="reconnect")
    walk(Stage.CONNECTED, NOW - 40 * DAY)
    rollup(now=NOW)

    def sessions(**narrowed: object) -> int:
        return read_funnel(Scope(MONTH.since, **narrowed), NOW).everybody.sessions  # type: ignore[arg-type]

    assert sessions() == 2
    assert (sessions(provider="postgres"), sessions(provider=""), sessions(provider="adp")) == (1, 1, 0)
    assert (sessions(kind="first"), sessions(kind="reconnect")) == (1, 1)
    assert (sessions(integration="automated"), sessions(integration="assisted")) == (1, 0)
    assert sessions(connection=owner.pk) == 1
    assert read_funnel(Scope(NOW - 60 * DAY), NOW).everybody.sessions == 3
    assert read_funnel(Scope(MONTH.since, provider="postgres"), NOW).took["postgres"].count == 1


def helped(at: datetime) -> None:
    walk(Stage.CONNECTED, at, extra=[NewEvent(EventName.HELP_OPENED, stage="terms", occurred_at=at)])


@pytest.mark.django_db
@pytest.mark.parametrize("narrowed", [{}, {"provider": "postgres"}, {"kind": "first"}, {"integration": "automated"}])
def test_what_is_added_up_says_the_same_as_the_sessions(narrowed: dict[str, str]) -> None:
    scope = Scope(NOW - 80 * DAY, **narrowed)  # type: ignore[arg-type]
    for days in (0, 1, 2, 15, 70):
        walk_everywhere(NOW - days * DAY - timedelta(hours=2))
        walk(Stage.CONNECTED, NOW - days * DAY - timedelta(hours=3), provider="sandbox_payroll", kind="reconnect")
        helped(NOW - days * DAY - timedelta(hours=4))
    before = read_funnel(scope, NOW)
    rollup(now=NOW)
    after = read_funnel(scope, NOW)

    assert after == before
    assert before.everybody.sessions > 20
    # Whoever was added up is read from the tallies.
    Session.objects.all().delete()
    assert read_funnel(scope, NOW) == before


@pytest.mark.django_db
def test_what_changes_after_it_was_added_up_counts_at_once() -> None:
    (waiting,) = [walk(Stage.INVITED, NOW - 3 * DAY, end=None)]
    walk_everywhere(NOW - 3 * DAY)
    rollup(now=NOW - DAY)
    assert read_funnel(MONTH, NOW).everybody.waiting == 1

    record(waiting, NewEvent(EventName.SESSION_OPENED, occurred_at=NOW), now=NOW)
    walk(Stage.TERMS, NOW - timedelta(minutes=30))
    told = read_funnel(MONTH, NOW).everybody

    assert (told.sessions, told.waiting, told.inside, told[Stage.TERMS].left) == (11, 0, 1, 2)
    # Both days are added up anew, and the day between, whose turn it is; then nothing is left to do.
    assert rollup(now=NOW + timedelta(minutes=1)) == 2
    assert rollup(now=NOW + timedelta(minutes=3)) == 0
    assert read_funnel(MONTH, NOW + timedelta(minutes=3)).everybody == told
    assert SessionTally.objects.filter(status="opened").values_list("day", "furthest").get() == (
        (NOW - 3 * DAY).date(),
        1,
    )


@pytest.mark.django_db
def test_days_past_their_time_go_and_are_not_added_up(settings: Settings) -> None:
    walk_everywhere(NOW - 20 * DAY)
    walk_everywhere(NOW - DAY)
    assert rollup(now=NOW) == 21
    assert TimeTally.objects.filter(day=(NOW - 20 * DAY).date()).exists()

    settings.PATCHBAY_SESSION_DAYS = 10
    assert rollup(now=NOW) == 0
    for model in (SessionTally, FindingTally, TimeTally, TalliedDay):
        assert not model._default_manager.filter(day__lt=(NOW - 9 * DAY).date()).exists()
    assert TalliedDay.objects.count() == 10


@pytest.mark.django_db
def test_without_sessions_there_is_nothing_to_add_up() -> None:
    assert rollup(now=NOW) == 0
    assert read_funnel(MONTH, NOW).everybody.sessions == 0
    assert read_funnel(MONTH, NOW).leak is None


@pytest.mark.django_db(transaction=True)
def test_a_second_roll_up_leaves_the_work_to_the_first() -> None:
    walk_everywhere(NOW - DAY)
    rollup(now=NOW)
    walk(Stage.TERMS, NOW - DAY)
    Session.objects.update(changed_at=NOW)
    results: list[int] = []

    def second() -> None:
        results.append(rollup(now=NOW))
        connections.close_all()

    with transaction.atomic():
        TallyMark.objects.select_for_update().get()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert results == [0]
    assert rollup(now=NOW) == 1
    assert SessionTally.objects.filter(furthest=number_of(Stage.TERMS)).values_list("sessions").get() == (2,)
