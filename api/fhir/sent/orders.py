"""A ServiceRequest and a Task become a notice, its service, and what the Task adds to it.

Each coded fact of the notice is a code of this server's lists: the first need is the order's
`code`, the concern its `reasonCode`, and the rest are in `orderDetail`. What is no code is an
input of the Task (api/fhir/vocabulary.py).
"""

from typing import Any

from api.fhir import names, vocabulary
from api.fhir.sent.elements import Coding, Element, listed_code, not_supported
from api.fhir.sent.native_body import NativeBody
from referrals import packet_fields

# Categories of US Core and SDOHCC that say no more than the order does.
CATEGORIES = {
    names.US_CORE_CATEGORY: ("sdoh",),
    names.SDOHCC_CODES: ("sdoh-category-unspecified",),
    names.SNOMED_CT: ("410606002",),  # a social service
}
PARTNER_VIOLENCE = "intimate-partner-violence"
NO_CONTACT = "contacting-subject-prohibited"  # SDOHCC's own sign of danger


def read_order(order: Element, body: NativeBody) -> None:
    """Read a ServiceRequest into the body. Raises BadRequest."""
    order.take_only("status", "active", "draft")
    order.take_only("intent", "order")
    order.leave("authoredOn")  # this server's clock says when
    body.subjects.append(order.reference("subject"))
    _read_sender(order, "requester", body)
    _read_service(order, body)
    _read_priority(order, body)
    for category in order.children("category"):
        _read_category(category, body)
    for coding in order.codings("code"):
        _read_detail(coding, ("needs",), body)
    for detail in order.children("orderDetail"):
        for coding in detail.own_codings():
            _read_detail(coding, (*vocabulary.MANY, *vocabulary.ONE), body)
    for reason in order.children("reasonCode"):
        for coding in reason.own_codings():
            body.put("concern", listed_code(coding, "concern"), coding.path)
    order.close()


def read_task(task: Element, body: NativeBody) -> None:
    """Read a Task into the body, after its ServiceRequest. Raises BadRequest."""
    status = task.take("status")
    if status not in ("requested", "draft"):
        raise not_supported(task.at("status"), "A new Task is requested, or a draft.")
    task.take_only("intent", "order")
    task.leave("authoredOn", "lastModified")
    for coding in task.codings("code"):
        if (coding.system, coding.code) != (names.TASK_CODE, "fulfill"):
            raise not_supported(coding.path, "A Task asks to fulfill its order.")
    body.subjects.append(task.reference("for"))
    _read_sender(task, "requester", body)
    _read_recipient(task, body)
    _read_priority(task, body)
    for identifier in task.children("identifier"):
        _read_identifier(identifier, body)
    agreement = None
    for given in task.children("input"):
        name, value = _read_input(given, body)
        agreement = value if name == "agreement" else agreement
    task.close()
    if status == "requested":
        body.put("send", {} if agreement is None else {"agreement": agreement}, task.at("input"))
    elif agreement is not None:
        raise not_supported(task.at("input"), "A draft is not sent: leave out the agreement.")


def _read_sender(element: Element, name: str, body: NativeBody) -> None:
    """The sender is the caller's own agency. The person is named by the header Acting-Member."""
    to = element.reference(name)
    if to and names.id_in(to, "Organization") != body.agency_id:
        raise not_supported(
            element.at(name), "Name your own Organization; the person is in Acting-Member."
        )


def _read_recipient(task: Element, body: NativeBody) -> None:
    to = task.reference("owner")
    if to:
        body.recipient = names.id_in(to, "Organization")
        if body.recipient is None:
            raise not_supported(task.at("owner"), "Name an Organization of this server.")
        body.place("/owner", task.at("owner"))


def _read_service(order: Element, body: NativeBody) -> None:
    performers = [(one.path, one.own_reference()) for one in order.children("performer")]
    path = performers[0][0] if performers else order.at("performer")
    services = [names.id_in(to, "HealthcareService") for _, to in performers]
    if len(services) != 1 or services[0] is None:
        raise not_supported(path, "Name one HealthcareService of this server.")
    body.put("service_id", str(services[0]), path)


def _read_priority(element: Element, body: NativeBody) -> None:
    given = element.take("priority")
    if given is None:
        return
    if given not in vocabulary.URGENCY:
        known = ", ".join(vocabulary.URGENCY)
        raise not_supported(element.at("priority"), f"Enter one of {known}.")
    body.put("urgency", vocabulary.URGENCY[given], element.at("priority"))


def _read_category(category: Element, body: NativeBody) -> None:
    for coding in category.own_codings():
        if (coding.system, coding.code) == (names.SDOHCC_CODES, PARTNER_VIOLENCE):
            body.put("concern", "domestic", coding.path)
        elif coding.code not in CATEGORIES.get(coding.system or "", ()):
            raise not_supported(coding.path, "This category is not read: the need says more.")


def _read_detail(coding: Coding, lists: tuple[str, ...], body: NativeBody) -> None:
    if (coding.system, coding.code) == (names.SDOHCC_CODES, NO_CONTACT):
        body.put("wanted", "call_worker", coding.path)
        return
    for name in lists:
        if coding.system == names.code_system(name):
            code = listed_code(coding, name)
            if name in vocabulary.MANY:
                body.add(name, code, coding.path)
            else:
                body.put(name, code, coding.path)
            return
    raise not_supported(coding.path, "Send a code of one of this server's lists.")


def _read_identifier(identifier: Element, body: NativeBody) -> None:
    """A number of the sender's own system (PLAC) is kept as `external_ref`."""
    identifier.leave("use", "assigner", "period")
    system, value = identifier.take("system"), identifier.take("value")
    kinds = {coding.code for coding in identifier.codings("type")}
    identifier.close()
    if not kinds <= {"PLAC"} or not value:
        raise not_supported(identifier.path, "Send your own number, of the type PLAC.")
    body.identifiers.append(f"{system or ''}|{value}")
    body.put("external_ref", value, identifier.at("value"))


_VALUES = {
    "callback": "valueString",
    "interpreter_not_local": "valueBoolean",
    "with_worker_until": "valueDateTime",
    "survivor_can_talk_now": "valueBoolean",
    "agreement": "valueCode",
}


def _read_input(given: Element, body: NativeBody) -> tuple[str, Any]:
    """Read an input of the Task: a fact of the notice, or a field of the packet. Returns its name
    and value."""
    (coding, *more) = given.codings("type") or [Coding(None, None, given.at("type"))]
    if more:
        raise not_supported(given.at("type"), "An input has one code.")
    packet = coding.system == names.code_system("packet_field")
    known = packet_fields.LABELS if packet else vocabulary.NOTICE_INPUTS
    if coding.code not in known or not (packet or coding.system == names.code_system("notice")):
        raise not_supported(coding.path, "Send a code of `notice` or of `packet-field`.")
    kind = "valueString" if packet else _VALUES[coding.code]
    value = given.take(kind)
    if value is None:
        raise not_supported(given.path, f"This input has a {kind}.")
    given.close()
    if packet:
        body.put_field(coding.code, value, given.at(kind))
    elif coding.code != "agreement":
        body.put(coding.code, value, given.at(kind))
    return coding.code, value
