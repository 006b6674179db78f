"""A partner system opens of so many referrals in a day, and no more (TH2)."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from structlog.testing import capture_logs

from api.dev import demo
from permissions.identity import credentials, partner_clients
from permissions.models import Client, Credential
from tests.bench import plans
from tests.support.ground.database import as_app
from tests.support.people.callers import Caller, agency_id
from tests.support.people.stories import Story

FOR_INTAKE = {"purpose": "intake"}
A_DAY_S = 24 * 60 * 60


@pytest.fixture
def system(network: Any, superuser: Any) -> Iterator[Callable[..., Caller]]:
    """A system of ywca's that is new, so that it opened nothing today, and may open two."""
    ours = Client.objects.get(id=uuid5(demo.NAMESPACE, "client ywca"))
    new = partner_clients.new_client(
        *(ours.agency_id, f"new-{uuid4()}", "New records", ours.scopes, ours.public_keys),
        known_scopes=ours.scopes,
        system_of_record=True,
        openings_a_day=2,
    )
    new.save(force_insert=True)

    def caller(acting: str = "ywca.worker") -> Caller:
        secret = f"token-of-a-test-{uuid4().hex}"
        credentials.open_for_client(new, secret, new.scopes)
        return Caller(str(new.id), secret, acting)

    yield caller
    Credential.objects.filter(client=new).delete()
    with superuser.cursor() as cursor:  # which `app` may not: other tables name it
        cursor.execute("DELETE FROM permissions_client WHERE id = %s", [new.id])


def with_packet(story: Story) -> Story:
    story.accept().release("name").packet(name="Invented Person")
    return story.answers("add_note", {"text": "an invented note"})


def test_a_system_opens_as_many_as_it_may_and_those_again_as_often_as_it_likes(
    system: Any, story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    first, second, third = (with_packet(Story(api, story.service_id)).id for _ in range(3))
    caller = system()

    def opens(referral: str, act: str = "open_packet") -> int:
        return int(caller.act(referral, act, FOR_INTAKE).status_code)

    assert opens(str(uuid4())) == 404
    assert caller.act(third, "open_packet", {"purpose": "curiosity"}).status_code == 400
    assert system("ywca.lead").act(third, "open_packet", FOR_INTAKE).status_code == 403
    assert [opens(first), opens(first), opens(second, "open_notes"), opens(second)] == [200] * 4
    for act in ("open_packet", "open_notes"):
        with capture_logs() as lines:
            answer = caller.act(third, act, FOR_INTAKE)
        assert (answer.status_code, answer.json()["code"]) == (429, "budget_spent")
        assert A_DAY_S - 300 < int(answer["Retry-After"]) <= A_DAY_S
        assert "Invented" not in answer.content.decode()
        told = [one for one in lines if one["event"] == "client_budget_spent"]
        assert [one["agency"] for one in told] == [str(agency_id("ywca"))]
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT act, decision, rule, referral_id::text, purpose FROM access_entry"
                " WHERE request_id = %s",
                [answer["X-Request-Id"]],
            )
            assert cursor.fetchall() == [
                (f"referral.{act}", "refused", "budget_spent", third, "intake")
            ]
    assert [opens(first), opens(second)] == [200, 200], "what it knows it may ask again"
    assert api("ywca.worker").act(third, "open_packet", FOR_INTAKE).status_code == 200, "a person"
    with as_app(api("ywca.worker")) as cursor:
        cursor.execute("SELECT sec.client_quota_wait(%s)", [third])
        assert cursor.fetchone() == (None,)
    other = api("ywca.client", "ywca.worker").act(third, "open_packet", FOR_INTAKE)
    assert other.status_code == 200, "of each system by itself"
    shift_clock("23 hours 55 minutes")
    caller = system()
    assert opens(third) == 429
    shift_clock("24 hours 5 minutes")
    caller = system()
    assert opens(third) == 200
    assert opens(first) == 200


def test_what_it_may_wait_for_is_said_of_the_one_it_opened_longest_ago(
    system: Any, story: Story, api: Any, shift_clock: Any
) -> None:
    first, second, third = (with_packet(Story(api, story.service_id)).id for _ in range(3))
    for hours, referral in ((0, first), (2, second), (5, first)):
        shift_clock(f"{hours} hours")
        opened = system().act(referral, "open_packet", FOR_INTAKE)
        assert opened.status_code == 200
    answer = system().act(third, "open_packet", FOR_INTAKE)
    assert answer.status_code == 429
    assert 20.9 < int(answer["Retry-After"]) / 3600 <= 21, "the second is older than the first now"
    Client.objects.filter(id=system().who).update(openings_a_day=3)
    answer = system().act(third, "open_packet", FOR_INTAKE)
    assert answer.status_code == 200, "raised, it holds at once"


def test_how_much_was_opened_is_asked_of_indexes_of_openings_alone(
    system: Any, superuser: Any
) -> None:
    """Not of all that a system asks for in a day: one that looks every second leaves 86,400. The
    20,000 looks fill 400 pages; a plan that is made for any values reads and sorts the openings."""
    by = {"agency": str(agency_id("ywca")), "client": system().who}

    def entries(act: str, rows: int, referral: UUID | None = None) -> None:
        with superuser.cursor() as cursor:
            cursor.execute(
                "INSERT INTO access_entry (id, agency_id, client_id, member_id, act, purpose,"
                " referral_id, decision) SELECT gen_random_uuid(), %(agency)s, %(client)s,"
                " gen_random_uuid(), %(act)s, 'intake', coalesce(%(one)s, gen_random_uuid()),"
                " 'allowed' FROM generate_series(1, %(rows)s)",
                by | {"act": act, "rows": rows, "one": referral and str(referral)},
            )
            cursor.execute("ANALYZE access_entry")

    def buffers(referral: UUID) -> int:
        asked = plans.Statement("SELECT sec.client_quota_wait(%s)", [str(referral)])
        with as_app(system()) as cursor:
            return plans.explain(cursor, asked).buffers

    one = uuid4()
    entries("referral.read", 20_000, one)
    entries("referral.open_packet", 50)
    assert buffers(one) <= 150
    entries("referral.open_packet", 5_000, one)
    assert buffers(one) <= 250
