"""A transaction Bundle: which resources are in it, and the key by which it is not made twice."""

from typing import Any, NamedTuple
from urllib.parse import unquote

from api.fhir.sent.elements import NOT_KEPT, Element, not_supported
from api.fhir.sent.shapes import require_shape
from permissions.errors import BadRequest

# What a referral is made of, and how many of each.
MOST = {"Task": 1, "ServiceRequest": 1, "Patient": 1, "Consent": 2}
NEEDED = ("Task", "ServiceRequest")


class Entry(NamedTuple):
    """One resource that is to be created. `full_url` is how others in the Bundle refer to it."""

    kind: str
    full_url: str
    resource: Element
    if_none_exist: str | None


def entries_of(bundle: dict[str, Any]) -> list[Entry]:
    """Return the entries of a transaction that makes one referral, in their order.

    Raises BadRequest for any other Bundle, and for a resource that has not FHIR's shape.
    """
    read = Element(bundle, "Bundle")
    if read.take("resourceType") != "Bundle":
        raise not_supported("Bundle", "Send a Bundle.")
    if read.take("type") != "transaction":
        raise not_supported("Bundle.type", "Enter transaction: a batch is not read.")
    read.leave("id", "meta", "language", "timestamp", "identifier")
    given = read.take("entry")
    read.close(named=False)
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadRequest("not_fhir", "A list of entries is needed.", "Bundle.entry")
    found = [_entry(Element(one, f"Bundle.entry[{place}]")) for place, one in enumerate(given)]
    for kind, most in MOST.items():
        number = sum(entry.kind == kind for entry in found)
        if number > most or (kind in NEEDED and not number):
            needed = "one" if kind in NEEDED else f"at most {most}"
            raise not_supported("Bundle.entry", f"A referral has {needed} {kind}.")
    return found


def _entry(entry: Element) -> Entry:
    resource, request = entry.take("resource"), entry.take("request")
    full_url = entry.take("fullUrl")
    entry.close(named=False)
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind not in MOST:
        raise not_supported(entry.at("resource"), f"Send {', '.join(MOST)}.")
    if full_url is not None and not isinstance(full_url, str):
        raise BadRequest("not_fhir", "An address is needed.", entry.at("fullUrl"))
    require_shape(kind, resource, entry.at("resource"))
    read = Element(resource, entry.at("resource"))
    read.leave("resourceType", *NOT_KEPT)
    return Entry(kind, full_url or "", read, _if_none_exist(entry, kind, request))


def _if_none_exist(entry: Element, kind: str, request: Any) -> str | None:
    """Check that the entry is to be created, and return its condition, such as
    `identifier=system|value`."""
    if not isinstance(request, dict):
        raise BadRequest("not_fhir", "Each entry needs its request.", entry.at("request"))
    asked = Element(request, entry.at("request"))
    if asked.take("method") != "POST" or asked.take("url") != kind:
        raise not_supported(asked.path, "Each entry is a POST of its resource's type.")
    condition = asked.take("ifNoneExist")
    asked.close(named=False)
    if condition is None:
        return None
    if kind != "Task" or not isinstance(condition, str):
        raise not_supported(asked.at("ifNoneExist"), "It is taken of the Task.")
    return unquote(condition)
