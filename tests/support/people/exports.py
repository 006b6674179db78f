"""Exports of an agency's referrals: two leads, a pair of keys, and what is in the sealed parts."""

import json
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from jwcrypto import jwe, jwk

from permissions.identity import credentials, row_macs
from permissions.models import Membership
from referrals import worker
from referrals.bulk import exports
from tests.support.people.callers import Caller, agency_id, principal
from tests.support.people.desk_pages import Pages, desk_of
from tests.support.people.enrolled import new_member, new_person

PATH = "/v1/exports"
PAIR = jwk.JWK.generate(kty="OKP", crv="X25519")
PUBLIC = str(PAIR.export_public())
ASKED = {"public_key": PUBLIC}


class SecondLead(NamedTuple):
    """A lead of an agency besides the one of the cast, who has one name in each file of tests."""

    member: Membership

    @property
    def caller(self) -> Caller:
        return Caller("a second lead", credentials.open_for_member(self.member))

    @property
    def desk(self) -> Pages:
        return desk_of(self.member)

    def confirms(self, export_id: str) -> None:
        exports.confirm(principal(self.caller), UUID(export_id))


def second_lead(key: str = "police") -> SecondLead:
    """The agency's second lead; the same one again, if there is one."""
    name = f"Second {key.title()} Lead"
    found = Membership.objects.using("signin").filter(agency_id=agency_id(key), name=name).first()
    if found is None:
        person, _given = new_person(f"{key}.second-lead")
        found = new_member(agency_id(key), person, ["lead"], name)
        with transaction.atomic(using="jobs"):
            row_macs.sign(found, "jobs")
    return SecondLead(found)


def ask(caller: Caller, **headers: str) -> str:
    answer = caller.post(PATH, ASKED, **headers)
    assert answer.status_code == 202, answer.content
    return str(answer.json()["id"])


def work() -> None:
    """Let the background work do all that there is."""
    assert worker.run_until_idle(worker.jobs_named(["exports"])) == []


def ready(api: Any, who: str = "police.lead") -> tuple[Caller, str]:
    """An export that this lead asked for, and that is ready; the lead, and its id."""
    caller = api(who)
    export_id = ask(caller)
    second_lead(who.split(".")[0]).confirms(export_id)
    work()
    return caller, export_id


def state(caller: Caller, export_id: str) -> dict[str, Any]:
    answer = caller.get(f"{PATH}/{export_id}")
    assert answer.status_code in (200, 202), answer.content
    found: dict[str, Any] = answer.json()
    return found


def opened(text: str, pair: jwk.JWK = PAIR) -> list[dict[str, Any]]:
    """The lines of a sealed part."""
    token = jwe.JWE()
    token.deserialize(text, pair)
    return [json.loads(line) for line in token.payload.decode().splitlines()]


def lines(caller: Caller, export_id: str) -> list[dict[str, Any]]:
    """All lines of an export that is ready, taken part by part."""
    found = []
    for one in state(caller, export_id)["output"]:
        answer = caller.get(one["url"])
        assert answer.status_code == 200, answer.content
        part = opened(answer.content.decode())
        assert len(part) == one["count"]
        found += part
    return found
