"""A dump of before, restored: nothing is served and nothing written until it is recovered; then the
event feed goes on, the seals verify, and the list of what is lost is the truth."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from api.health import readiness
from permissions.errors import NotRecovered
from permissions.ledger import witness
from permissions.recovery import marks, timeline
from referrals.models import LostAct
from referrals.recovery import copies
from tests.operation.readings import ready
from tests.support.ground.cluster import own_cluster
from tests.support.ground.restored import recover
from tests.support.ground.restored import restored as restored  # a fixture
from tests.support.people.callers import Caller, agency_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.seals import faults, seal
from tests.support.people.stories import Story, service_of


def copied() -> None:
    """Every act of before is copied, and the mark is kept."""
    while copies.step():
        pass


def witnessed() -> None:
    seal()
    while witness.step():
        pass


def page(reader: Any, after: str = "") -> Any:
    answer = reader.get("/v1/events", {"after": after} if after else {})
    assert answer.status_code == 200, answer.content
    return answer.json()


def rows(name: str) -> dict[str, int]:
    """How many rows were ever inserted, updated or deleted, by table."""
    with closing(own_cluster().connect_superuser(name)) as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables")
        return dict(cursor.fetchall())


def test_a_restored_dump_serves_nothing_until_it_is_recovered(
    story: Story,
    api: Any,
    restored: Callable[[], Any],
    django_db_setup: str,
) -> None:
    copied()
    story.accept()
    copied()
    witnessed()
    reader = api("ywca.client")
    everything = page(reader)
    restore = restored()

    story.answers("start_handoff", {"mode": "phone"})
    gone = Story(api, service_of("ywca")).send()
    lost = page(reader, everything["next"])
    assert len(lost["items"]) >= 2
    copied()
    witnessed()
    held = witness.last_witnessed()
    api("ywca.lead").get("/v1/referrals")

    restore()
    readiness.forget()
    copy = str(connections["default"].settings_dict["NAME"])
    before = rows(copy)
    for caller, path in ((reader, "/v1/events"), (Caller("nobody", ""), "/v1/directory/services")):
        answer = caller.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_recovered"), path
        assert answer.json()["safety_lines"]
    for path in ("/desk/", "/account/login/", "/directory"):
        assert Client(raise_request_exception=False).get(path).status_code in (302, 404, 503), path
    code, _, states = ready()
    assert (code, states["timeline"]) == (503, "failed")
    with pytest.raises(NotRecovered):
        timeline.require("jobs")
    with pytest.raises(Exception, match="restored"):
        copies.step()
    assert rows(copy) == before, "nothing is written"
    with pytest.raises(CommandError, match="add --yes"):
        call_command("database", "recover")

    said = recover()
    assert "Nothing to do" not in said
    readiness.forget()
    listed = [line for line in said.splitlines() if line.count("\t") == 4]
    acts = sorted((line.split("\t")[1], line.split("\t")[4]) for line in listed)
    assert ("send", gone.id) in acts
    assert ("start_handoff", story.id) in acts
    assert len(acts) == 3, acts
    assert f"{settings.HOME}/lost-acts-" in said

    reader = api("ywca.client")
    assert page(reader, lost["next"])["items"] == [], "nothing comes twice"
    other = Story(api, service_of("ywca")).send()
    new = page(reader, lost["next"])["items"]
    assert [one["referral_id"] for one in new] == [other.id]
    assert new == page(reader, everything["next"])["items"]

    seal()
    while witness.step():
        pass
    assert faults(Path(settings.LOG_WITNESS_FILE)) == []
    assert held is not None
    assert recover().strip().startswith("Nothing to do")
    shown = {one.agency_id for one in LostAct.objects.using("jobs").all()}
    assert shown == {agency_id("police"), agency_id("ywca")}
    ours, theirs = (told(who) for who in ("ywca.lead", "police.lead"))
    assert gone.id in ours, "the referral is lost as a whole"
    assert gone.id in theirs
    assert f"/desk/referrals/{story.id}" in ours
    assert story.id not in theirs, "what the recipient did after the accept is theirs alone"
    assert "406-555-" in ours
    assert gone.id not in told("ywca.worker")
    copied()
    assert marks.highest() > 1000


def told(who: str) -> str:
    """Their page of alerts."""
    answer = at_the_desk(who).get("/desk/told")
    assert answer.status_code == 200
    return str(answer.content.decode())
