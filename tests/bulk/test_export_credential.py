"""The credential by which the background work writes an export ends with it."""

from typing import Any
from uuid import UUID

from django.db import connections

from permissions.identity import credentials
from referrals.bulk import exports
from tests.support.ground.stored_rows import rows
from tests.support.people.exports import PATH, ask

LEAD = "police.lead"


def test_the_credential_ends_with_the_export(api: Any, superuser: Any) -> None:
    lead = api(LEAD)
    export_id = ask(lead)
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT credential FROM bulk_export WHERE id = %s", [export_id])
        ((sealed,),) = cursor.fetchall()
    secret = exports.secret_of(UUID(export_id), sealed)
    found = credentials.resolve_credential(secret)
    assert found is not None
    assert found.roles == {"lead"}, "of a member who edits entries, too"
    lead.delete(f"{PATH}/{export_id}")
    assert credentials.resolve_credential(secret) is None
    assert secret.encode() not in b"".join(
        repr(row).encode() for row in rows(superuser, "SELECT e::text FROM bulk_export e")
    )
