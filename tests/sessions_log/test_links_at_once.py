"""What two people do at the same moment with one link: one of them is first, and nothing is done twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from connectors.models import Activity
from sessions_log.models import Session, SessionEvent
from sessions_log.services import links
from tests.sessions_log.telling import make_link

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(works: Sequence[Callable[[], object]]) -> Counter[str]:
    """Do everything at the same moment; return how each ended: the name of its error, or "done"."""
    start, ends = threading.Barrier(len(works)), list[str]()

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
            ends.append("done")
        except (links.LinkMadeError, links.LinkGoneError, links.LinkExpiredError, links.LinkUsedError) as error:
            ends.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(ends)


def test_one_form_sent_twenty_times_makes_one_link_and_sends_one_mail() -> None:
    key, sent = links.new_key(), list[str]()
    invitation = links.Invitation(expires_at=timezone.now() + timedelta(hours=1), end_user_name="Halden Foods")

    def send(session: Session, secret: str) -> bool:
        assert links.find(secret) == session
        sent.append(secret)
        return True

    ends = at_once([lambda: links.create_link(invitation=invitation, actor=None, key=key, send=send)] * 20)

    assert ends == {"done": 1, "LinkMadeError": 19}
    assert len(sent) == Session.objects.count() == SessionEvent.objects.count() == 1
    assert Activity.objects.count() == 2


def test_form_sent_again_is_told_of_the_same_link() -> None:
    key, invitation = links.new_key(), links.Invitation(expires_at=timezone.now() + timedelta(hours=1))
    session, secret = links.create_link(invitation=invitation, actor=None, key=key)

    with pytest.raises(links.LinkMadeError) as again:
        links.create_link(invitation=invitation, actor=None, key=key)

    assert (again.value.session, again.value.secret) == (session, secret)
    assert secret not in str(again.value)
    assert key not in secret


@pytest.mark.parametrize("number", range(5))
def test_link_is_either_used_or_withdrawn(number: int) -> None:
    del number
    session, secret = make_link()

    ends = at_once([lambda: links.redeem(secret), lambda: links.withdraw(session=session, actor=None)])

    session.refresh_from_db()
    told = set(session.events.values_list("name", flat=True))
    if session.status == "opened":
        assert ends == {"done": 1, "LinkGoneError": 1}
        assert told == {"link.created", "link.clicked", "session.opened"}
    else:
        assert ends == {"done": 1, "LinkExpiredError": 1}
        assert (session.status, told) == ("expired", {"link.created", "session.expired"})


def test_ten_withdrawals_are_one() -> None:
    session, _ = make_link()

    ends = at_once([lambda: links.withdraw(session=session, actor=None)] * 10)

    assert ends == {"done": 1, "LinkGoneError": 9}
    assert session.events.filter(name="session.expired").count() == 1
    assert Activity.objects.filter(action="link.withdrawn").count() == 1
