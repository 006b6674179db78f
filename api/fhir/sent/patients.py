"""A Patient becomes fields of the packet. Only what a packet has is kept: an identifier of a
person, and their gender, which US Core demands, are read over (ADR 0147)."""

from api.fhir.sent.elements import Element, not_supported
from api.fhir.sent.native_body import NativeBody

TELECOM = {"phone": "phone", "sms": "phone", "email": "email"}


def read_patient(patient: Element, body: NativeBody) -> None:
    """Read a Patient into the packet of the body. Raises BadRequest."""
    patient.leave("identifier", "active", "gender")
    for name in patient.children("name"):
        field = "alias" if name.take("use") in ("nickname", "anonymous") else "name"
        body.put_field(field, _name(name), name.path)
    for telecom in patient.children("telecom"):
        telecom.leave("use", "rank")
        field = TELECOM.get(telecom.take("system") or "", "")
        if not field:
            raise not_supported(telecom.at("system"), f"Enter one of {', '.join(TELECOM)}.")
        body.put_field(field, telecom.take("value") or "", telecom.at("value"))
        telecom.close()
    if born := patient.take("birthDate"):
        body.put_field("date_of_birth", str(born), patient.at("birthDate"))
    for address in patient.children("address"):
        body.put_field("address", _address(address), address.path)
    patient.close()


def _name(name: Element) -> str:
    text, given, family = name.take("text"), name.take("given") or [], name.take("family")
    parts = [*(name.take("prefix") or []), *given, family, *(name.take("suffix") or [])]
    name.close()
    return text or " ".join(part for part in parts if part)


def _address(address: Element) -> str:
    address.leave("use", "type", "district", "country")
    text, lines = address.take("text"), address.take("line") or []
    region = " ".join(filter(None, (address.take("state"), address.take("postalCode"))))
    parts = [*lines, address.take("city"), region]
    address.close()
    return text or "\n".join(part for part in parts if part)
