"""What single conditions of the database's functions keep off, where no act of ours goes that way:
asked of the functions and triggers themselves."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from directory import models as m
from directory.rendering import JOBS
from tests.conftest import agency_id
from tests.database import as_app


def answer(caller: Any, question: str) -> Any:
    with as_app(caller) as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_a_partner_system_administers_no_agency_whomever_it_names(api: Any) -> None:
    question = "SELECT sec.administering()"
    assert answer(api("ywca.admin"), question) == agency_id("ywca")
    assert answer(api("ywca.client", "ywca.admin"), question) is None
    assert answer(api("ywca.worker"), question) is None


def test_of_a_confidential_place_no_address_is_kept_whoever_writes_it(network: Any) -> None:
    owner = m.Organization(name="Of a test", source="a test")
    owner.save(using=JOBS, force_insert=True)
    try:
        for confidential in (False, True):
            place = m.Location(name="Of a test", part_of_id=owner.id, confidential=confidential)
            place.save(using=JOBS, force_insert=True)
            street = m.Address(location_id=place.id, part_of_id=owner.id, address_1="1 Example")
            with transaction.atomic(using=JOBS):
                if not confidential:
                    street.save(using=JOBS, force_insert=True)
                    transaction.set_rollback(True, using=JOBS)
                    continue
                with pytest.raises(IntegrityError, match="confidential place"):
                    street.save(using=JOBS, force_insert=True)
                transaction.set_rollback(True, using=JOBS)
    finally:
        m.Organization.objects.using(JOBS).filter(id=owner.id).delete()
