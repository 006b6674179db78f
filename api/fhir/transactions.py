"""POST [base]: a transaction Bundle creates a referral, and sends it. It becomes the body of
POST /v1/referrals, so that both leave the same rows."""

from typing import Any, ClassVar

import orjson
from django.http import HttpRequest

from api.fhir import names
from api.fhir.endpoint import FhirEndpoint
from api.fhir.sent.transaction import Order, read_transaction
from api.fhir.shown.resources import version_of
from api.http.json_bodies import Answer
from api.v1.referrals.new_referrals import ReferralIn, taken_apart
from api.v1.referrals.referrals import notice_of
from permissions.errors import Refused
from referrals import idempotency
from referrals.act_registry.repeats import Repeat
from referrals.partner_systems import one_request
from referrals.queries.details import Detail

ROUTE = "fhir"  # of the keys by which a repeat is known


class Transaction(FhirEndpoint):
    """Everything in the Bundle is done, or nothing is."""

    # A repeat is known by ifNoneExist, which FHIR has for it, and not by Idempotency-Key.
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "referral.create"

    def post(self, request: HttpRequest) -> Answer:
        bundle = self.data
        with self.reading():
            order = read_transaction(bundle, self.principal.agency_id)
        key = _key_of(order)
        try:
            body = self.read_as(ReferralIn, order.body.values)
            service_id, replaces, parts = taken_apart(body)
            created = one_request.create_with_parts(
                self.principal,
                service_id,
                notice_of(body),
                parts,
                replaces=replaces,
                recipient=order.recipient,
                key=key,
            )
        except Refused as refusal:
            order.body.say_where(refusal)
            raise
        return self.shown(_response(order, created, made=not (key and key.replayed)))


def _key_of(order: Order) -> idempotency.Key | None:
    """Return the key with what the Bundle says, whatever its entries call each other."""
    if order.key is None:
        return None
    said = orjson.dumps(order.body.values, option=orjson.OPT_SORT_KEYS)
    return idempotency.Key(ROUTE, order.key, said)


def _response(order: Order, created: Detail, *, made: bool) -> dict[str, Any]:
    """Return the transaction-response: an entry for each of the Bundle's, in its order. A Patient
    is in the packet, and has no address here."""
    status = "201 Created" if made else "200 OK"
    return {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [
            {"response": {"status": status} | _place(entry.kind, created)}
            for entry in order.entries
        ],
    }


def _place(kind: str, created: Detail) -> dict[str, str]:
    if kind in ("Task", "ServiceRequest"):
        return {
            "location": f"{names.base()}/{kind}/{created.referral.id}",
            "etag": f'W/"{version_of(created)}"',
        }
    return {}
