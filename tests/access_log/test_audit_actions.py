"""The access log holds ids and codes of one vocabulary, and the database refuses all else, from
every writer and every function."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from api.desk import labels, log_labels
from permissions.audit import actions
from referrals.codes import PURPOSE, RELEASE_PURPOSE
from tests.support.ground.database import as_app, identify, opening
from tests.support.ground.repository import REPOSITORY
from tests.support.people.access_log import acts_that_are_logged
from tests.support.people.callers import agency_id
from tests.support.people.stories import Story


@pytest.mark.no_database
def test_every_act_of_the_sources_is_of_the_vocabulary_and_none_stands_there_in_vain() -> None:
    said, acts = acts_that_are_logged(), actions.acts()
    assert said - set(acts) == set()
    sql = "".join(path.read_text() for path in sorted(REPOSITORY.glob("*/sql/**/*.sql")))
    in_vain = [act for act in acts if act not in said and f"'{act}'" not in sql]
    assert in_vain == []
    assert set(acts) <= set(log_labels.LOGGED), "each has words for its reader"


@pytest.mark.no_database
def test_every_purpose_that_is_stated_is_of_the_vocabulary() -> None:
    assert actions.uses() == set(PURPOSE)
    assert set(actions.purposes()) == {*PURPOSE, *RELEASE_PURPOSE}
    assert {code for code, _ in labels.PURPOSES} == set(actions.purposes())


def test_the_database_knows_the_same_vocabulary(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT array(SELECT jsonb_object_keys(sec.log_acts())),"
            " array(SELECT jsonb_object_keys(sec.log_purposes()))"
        )
        acts, purposes = cursor.fetchone()
    assert set(acts) == set(actions.acts())
    assert set(purposes) == set(actions.purposes())


HER_WORDS = "Invented Person"


@pytest.mark.parametrize(
    "said",
    [
        *({"act": text} for text in ("referral.look", "referral.read ", HER_WORDS, "")),
        *({"purpose": text} for text in ("curiosity", "intake\n", HER_WORDS, "")),
        *({"rule": text} for text in (HER_WORDS, "not_found.", "x" * 61, "1st", "")),
        *({"fields": [text]} for text in (HER_WORDS, "name,phone", "name phone", "null", "")),
        {"fields": ["name", None]},
        {"fields": ["name", "406-555-0199"]},
        *({"address_prefix": text} for text in (HER_WORDS, "192.0.2.7", "example.org/24")),
    ],
    ids=repr,
)
def test_an_entry_of_another_word_is_refused(story: Story, api: Any, said: dict[str, Any]) -> None:
    """sec.hash_entry"""
    story.accept()
    with as_app(api("ywca.worker")) as cursor:
        sayable = {"fields": ["name", "referrals:read"], "rule": "opt_in"}
        sayable |= {"purpose": "legal_matter", "address_prefix": "2001:db8::/48"}
        cursor.execute(*opening("ywca.worker", story.id, "accept", **sayable))
        cursor.execute(*opening("ywca.worker", story.id, "accept", fields=[]))
        with pytest.raises(IntegrityError, match="ids and codes") as refusal, transaction.atomic():
            cursor.execute(*opening("ywca.worker", story.id, "accept", **said))
    assert HER_WORDS not in str(refusal.value)


@pytest.mark.parametrize("at", ["what", "why", "purpose", "prefix"])
def test_a_refusals_entry_is_held_to_it_too(api: Any, at: str) -> None:
    said = {"what": "referral.read", "why": "not_found", "purpose": "review", "prefix": None}
    denial = (
        "SELECT sec.log_refusal(%(id)s, %(what)s, %(why)s, NULL, NULL, %(purpose)s, NULL,"
        " %(prefix)s)"
    )
    with transaction.atomic(), connections["default"].cursor() as cursor:
        identify(cursor, api("ywca.worker"))
        cursor.execute(denial, said | {"id": uuid4()})
        with pytest.raises(IntegrityError, match="ids and codes"), transaction.atomic():
            cursor.execute(denial, said | {"id": uuid4(), at: HER_WORDS})
        transaction.set_rollback(True)


def test_a_sign_ins_entry_is_held_to_it_too() -> None:
    sign_in = "SELECT sec.log_sign_in(%s, %s, NULL, NULL, %s, 'refused', %s, NULL, NULL)"
    agency = agency_id("ywca")
    with transaction.atomic(using="signin"), connections["signin"].cursor() as cursor:
        cursor.execute(sign_in, [uuid4(), agency, "session.sign_in", "bad_code"])
        for act, rule in ((HER_WORDS, "bad_code"), ("session.sign_in", HER_WORDS)):
            with (
                pytest.raises(IntegrityError, match="ids and codes"),
                transaction.atomic(using="signin"),
            ):
                cursor.execute(sign_in, [uuid4(), agency, act, rule])
        transaction.set_rollback(True, using="signin")
