"""A transaction Bundle as a whole: the native body, the recipient and the key that it says."""

from typing import Any, NamedTuple
from uuid import UUID

from api.fhir.sent.bundles import Entry, entries_of
from api.fhir.sent.consents import read_consent
from api.fhir.sent.elements import not_supported
from api.fhir.sent.native_body import NativeBody
from api.fhir.sent.orders import read_order, read_task
from api.fhir.sent.patients import read_patient


class Order(NamedTuple):
    """What a Bundle asks for. `key`: by which a repeat is known; None: it has none."""

    body: NativeBody
    entries: list[Entry]
    recipient: UUID | None
    key: str | None


def read_transaction(bundle: dict[str, Any], agency_id: UUID) -> Order:
    """Read a Bundle that makes one referral. `agency_id`: the caller's. Uses no database. Raises
    BadRequest: everything that the Bundle says is read, or it is refused."""
    entries = entries_of(bundle)
    body = NativeBody(agency_id)
    of_kind = {kind: [one for one in entries if one.kind == kind] for kind in _READERS}
    _require_focus(of_kind["Task"][0], of_kind["ServiceRequest"][0])
    for kind, read in _READERS.items():
        for entry in of_kind[kind]:
            read(entry.resource, body)
    _require_one_subject(body, of_kind["Patient"])
    return Order(body, entries, body.recipient, _key(of_kind["Task"][0], body))


# In the order in which they are read: a Consent names the recipient that the Task owns.
_READERS = {
    "ServiceRequest": read_order,
    "Task": read_task,
    "Patient": read_patient,
    "Consent": read_consent,
}


def _require_focus(task: Entry, order: Entry) -> None:
    focus = task.resource.reference("focus")
    if not focus or focus != order.full_url:
        raise not_supported(
            task.resource.at("focus"), "It is the fullUrl of the Bundle's ServiceRequest."
        )


def _require_one_subject(body: NativeBody, patients: list[Entry]) -> None:
    """All resources are about the same person: the Patient of the Bundle, or one who is not named.
    A Patient elsewhere is not looked up."""
    allowed = {entry.full_url for entry in patients} or {""}
    named = {subject for subject in body.subjects if subject}
    if named - allowed or (patients and not named):
        raise not_supported(
            "Bundle.entry",
            "Refer to the Patient of this Bundle by its fullUrl; without one, send a subject"
            " without a reference.",
        )


def _key(task: Entry, body: NativeBody) -> str | None:
    """Return the identifier that must not exist yet, which is one of the Task's own."""
    condition = task.if_none_exist
    if condition is None:
        return None
    identifier = condition.removeprefix("identifier=")
    if identifier == condition or identifier not in body.identifiers:
        raise not_supported("Bundle.entry", "ifNoneExist is identifier= and one of the Task's own.")
    return identifier
