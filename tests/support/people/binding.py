"""Rows that a test wrote by hand, bound as if the server had written them."""

from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db.models import QuerySet

from permissions.identity import bound_access, row_macs
from permissions.models import Agency, Client, Credential, Membership, Person
from tests.support.people.callers import agency_id

WRITTEN_BY: dict[type[Any], str] = {Membership: "jobs", Person: "signin", Client: "signin"}


def bind_credentials() -> None:
    """Every credential, as it is now."""
    for one in Credential.objects.using("signin"):
        token_hash = bytes(one.hash).hex()
        values = [
            *(token_hash, one.agency_id, one.membership_id, one.person_id, one.client_id),
            *(one.roles, one.scopes, one.system_of_record, one.networks),
            *(one.created_at, one.expires_at),
        ]
        found = Credential.objects.using("signin").filter(hash=one.hash)
        found.update(mac=row_macs.mac("credential", values))


def changed(rows: QuerySet[Any], **columns: Any) -> None:
    """Change these rows past the model, and bind them."""
    rows.update(**columns)
    for one in rows:
        row_macs.sign(one, WRITTEN_BY[type(one)])


def bind_referrals() -> None:
    """Every referral without a record of who may open what, as its rows say."""
    for agency in Agency.objects.using("jobs"):
        bound_access.bind(bound_access.unbound(agency.id))


def confirm(agency: str) -> str:
    """As the operator does once the agency has heard the list; returns what was listed."""
    said = StringIO()
    call_command("agency", "confirm", str(agency_id(agency)), stdout=said)
    listed = said.getvalue()
    if "--list" in listed:
        call_command("agency", *listed.split("manage.py agency ")[1].split(), stdout=StringIO())
    return listed
