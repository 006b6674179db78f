"""Bundles that were changed at random: each is a referral, or is refused where it is wrong, and
then nothing of it is there. None is a fault of ours."""

import copy
import random
from collections import Counter
from typing import Any

import pytest
from django.db import connections

from tests.support.ground.seed import SEED
from tests.support.people import fhir_bundles as fhir
from tests.support.people.fhir_sent import SENDER, sent, whole
from tests.support.people.stories import PACKET, authorization, release_body

CASES, PARTS = 60, 4
ODD: list[Any] = [
    *(None, True, 0, -1, 2**70, 1.5, "", " ", "x" * 5000, "\x00", "\u202e", "2026-13-45"),
    *([], {}, [[]], [None], {"reference": "Organization/x"}, {"coding": []}, {"value": {"a": 1}}),
    {"resourceType": "Bundle", "type": "transaction", "entry": []},
]
PATIENT = {
    "name": [{"family": "Person", "given": ["Invented"]}],
    "telecom": [{"system": "phone", "value": "406-555-0199"}],
    "birthDate": "1999-04-05",
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place below the value."""
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, dict | list):
        for name, inner in pairs:
            found += (
                places(inner, (*path, name)) if isinstance(inner, dict | list) else [(*path, name)]
            )
    return found


def changed(bundle: Any, chance: random.Random) -> Any:
    """The Bundle with one to three changes: a value of another kind, of another place, twice, or
    gone."""
    bundle = copy.deepcopy(bundle)
    for _ in range(chance.randint(1, 3)):
        every = places(bundle)
        path = chance.choice(every)
        *above, last = path
        holder = bundle
        for name in above:
            holder = holder[name]
        match chance.randrange(4):
            case 0:
                holder[last] = copy.deepcopy(chance.choice(ODD))
            case 1:
                other = bundle
                for name in chance.choice(every):
                    other = other[name]
                holder[last] = copy.deepcopy(other)
            case 2 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
            case 2:
                holder[f"{last}Again"] = copy.deepcopy(holder[last])
            case 3:
                del holder[last]
    return bundle


def referrals() -> int:
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM referral_event WHERE act = 'create'")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("part", range(PARTS))
def test_a_bundle_that_was_changed_at_random_is_a_referral_or_nothing(api: Any, part: int) -> None:
    chance = random.Random(f"{SEED} bundles {part}")
    caller = api(SENDER)
    statuses: Counter[int] = Counter()
    for number in range(CASES):
        release = release_body("name", "phone", "date_of_birth", *PACKET, **authorization())
        body = whole(external_ref=f"ORDER-{part}-{number}", release=release)
        once = f"identifier=urn:oid:1.2.3|ORDER-{part}-{number}"
        patient = PATIENT if number % 2 else None
        packet = {"safe_contact": "noon"} if patient else PACKET
        bundle = fhir.bundle(body | {"packet": packet}, patient=patient, if_none_exist=once)
        bundle = changed(bundle, chance) if number else bundle
        before = referrals()
        answer = sent(caller, "post", "", bundle)
        statuses[answer.status_code] += 1
        said = answer.json()
        if answer.status_code == 200:
            assert said["type"] == "transaction-response"
        else:
            assert answer.status_code in (400, 403, 404, 409, 422, 429), (said, bundle)
            assert said["resourceType"] == "OperationOutcome", bundle
            assert said["issue"]
        assert referrals() - before == (answer.status_code == 200), bundle
    assert statuses[200] > 0, "the one that was not changed"
    assert statuses[400] > CASES // 2, statuses
