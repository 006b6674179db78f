"""Searches of Task and ServiceRequest, and the Bundle that answers them.

A search is a page of the list of /v1 with what FHIR asks in addition looked at line by line. A page
may therefore hold fewer than `_count`; it is the last only if it has no link `next`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest

from api.fhir import names
from api.fhir.shown.resources import Facts, facts_of_line
from api.http.endpoints import moment_parameter
from permissions.errors import BadRequest
from permissions.principal import Principal
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from referrals.queries.lists import Line, Place

PARAMETERS = (
    *("_id", "code", "patient", "subject", "requester", "owner", "performer", "status", "intent"),
    *("category", "focus", "identifier", "_lastUpdated", "_include", "_count", "cursor", "_format"),
)


class Asked(NamedTuple):
    """A search as it was read. `ids`: what alone can match; None: whatever is in the lists."""

    ids: frozenset[UUID] | None
    box: str | None
    filters: Filters
    keeps: Callable[[Facts], bool]


def read_search(
    principal: Principal, given: dict[str, str], status_of: Callable[[str], str], kind: str
) -> Asked:
    """Read the parameters of a search for `kind`. Raises BadRequest."""
    ids = _named(given, kind) if _is_ours(given) else frozenset()
    boxes, tests = [], []
    for name, box in (("requester", "out"), ("owner", "in")):
        if name in given:
            agency = names.id_in(given[name], "Organization")
            boxes += [box] if agency == principal.agency_id else []
            tests.append(_of_agency(name, agency))
    if len(boxes) > 1:  # no agency refers to itself
        ids = frozenset()
    if "performer" in given:
        tests.append(_of_service(names.id_in(given["performer"], "HealthcareService")))
    if "status" in given:
        wanted = frozenset(given["status"].split(","))
        tests.append(lambda facts: status_of(facts.status) in wanted)
    filters = Filters(
        updated_since=_since(given.get("_lastUpdated")),
        external_ref=_number(given.get("identifier")),
    )
    one_box = boxes[0] if boxes else None
    return Asked(ids, one_box, filters, lambda facts: all(test(facts) for test in tests))


def page(
    principal: Principal, asked: Asked, after: Place | None, limit: int
) -> tuple[list[Line], Place | None]:
    """Return the lines of a page that match, and where it ended. One access entry."""
    lines, place = lists.list_page(
        principal, box=asked.box, filters=asked.filters, after=after, limit=limit
    )
    return [line for line in lines if asked.keeps(facts_of_line(line))], place


def _named(given: dict[str, str], kind: str) -> frozenset[UUID] | None:
    """Return the ids that `_id` and `focus` name; None: they are not asked for. What is no id
    matches nothing. Raises BadRequest for more than a page, and for another search of the list
    next to them, which would not be looked at."""
    named: list[set[UUID]] = []
    for name, of in (("_id", kind), ("focus", "ServiceRequest")):
        if name in given:
            texts = given[name].split(",")
            if len(texts) > lists.MAX_PAGE:
                raise BadRequest("invalid", f"Enter at most {lists.MAX_PAGE} ids.", name)
            found = {names.id_in(t if "/" in t else f"{of}/{t}", of) for t in texts}
            named.append({one for one in found if one is not None})
    for name in ("identifier", "_lastUpdated"):
        if named and name in given:
            raise BadRequest("invalid", "Leave it out, or leave out the ids.", name)
    return frozenset(set.intersection(*named)) if named else None


def _is_ours(given: dict[str, str]) -> bool:
    """Whether the codes that never vary are asked for as they are. No person can be searched for:
    `patient` matches nothing (R3)."""
    if "patient" in given or "subject" in given:
        return False
    fixed = {"code": "fulfill", "intent": "order", "category": "sdoh"}
    return all(
        code in {text.rpartition("|")[2] for text in given[name].split(",")}
        for name, code in fixed.items()
        if name in given
    )


def _of_agency(name: str, agency: UUID | None) -> Callable[[Facts], bool]:
    if name == "requester":
        return lambda facts: str(facts.sender.id) == str(agency)
    return lambda facts: str(facts.recipient.id) == str(agency)


def _of_service(service: UUID | None) -> Callable[[Facts], bool]:
    return lambda facts: str(facts.service.id) == str(service)


def _since(text: str | None) -> datetime | None:
    """Read `_lastUpdated`: something that the own side may know happened after it."""
    if text is None:
        return None
    if text[:2] not in ("gt", "ge"):
        raise BadRequest("invalid", "Enter gt and a time with its zone.", "_lastUpdated")
    return moment_parameter(text[2:], "_lastUpdated")


def _number(text: str | None) -> str | None:
    """Read `identifier`: the own number, whatever its system, which is not kept."""
    if text is None:
        return None
    system, bar, value = text.rpartition("|")
    if bar and system == names.identifier_system("reference"):
        raise BadRequest("invalid", "A referral is not found by its reference.", "identifier")
    return value


def parameters_of(request: HttpRequest, known: Sequence[str]) -> dict[str, str]:
    """Return the parameters of a search that were given, but for the form of the answer."""
    found = {name: request.GET[name] for name in known if name in request.GET}
    found.pop("_format", None)
    return found


def bundle(
    kind: str,
    asked: Mapping[str, str],
    matches: Iterable[dict[str, Any]],
    included: Iterable[dict[str, Any]],
    following: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Return a searchset. `following`: the query of the next page; None: this is the last. It has
    no total: a total would count what the caller may not see (R3)."""
    links = [_link("self", kind, asked)]
    if following is not None:
        links.append(_link("next", kind, following))
    entries = [
        {
            "fullUrl": f"{names.base()}/{one['resourceType']}/{one['id']}",
            "resource": one,
            "search": {"mode": mode},
        }
        for mode, found in (("match", matches), ("include", included))
        for one in found
    ]
    made: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return made | ({"entry": entries} if entries else {})


def _link(relation: str, kind: str, query: Mapping[str, str]) -> dict[str, str]:
    address = f"{names.base()}/{kind}"
    return {"relation": relation, "url": f"{address}?{urlencode(query)}" if query else address}
