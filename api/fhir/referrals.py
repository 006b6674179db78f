"""Task and ServiceRequest: read, search, and an update of a Task is an act.

They are the referral's two faces for an EHR: the Task is what happens with it, the ServiceRequest
what it is for. Both have the referral's id.
"""

from collections.abc import Callable, Collection
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest

from api.fhir import vocabulary
from api.fhir.endpoint import FhirEndpoint
from api.fhir.sent import updates
from api.fhir.shown import resources, searches
from api.http import cursors
from api.http.endpoints import page_size
from api.http.json_bodies import Answer
from permissions.errors import BadRequest, NotPermitted, NotVisible
from referrals.act_registry.registry import ACTS
from referrals.act_registry.repeats import Repeat
from referrals.acts import return_releases
from referrals.queries import details, lists
from referrals.queries.details import Detail

ENDED_FOR_SENDER = ("accepted", "closed")  # the sender is shown no end of what was taken on


class _Search(FhirEndpoint):
    """A search of one of the two."""

    query = searches.PARAMETERS
    kind: ClassVar[str]

    @staticmethod
    def status_of(status: str) -> str:
        """Return the status of this resource for a referral's."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> Answer:
        given = searches.parameters_of(request, self.query)
        asked = searches.read_search(self.principal, given, self.status_of, self.kind)
        limit = page_size(given.get("_count"), lists.MAX_PAGE)
        scope = f"fhir:{self.kind}:{asked.box}:{asked.filters}"
        after = cursors.from_cursor(self.principal, scope, given.get("cursor"))
        if asked.ids is not None:
            seen = self._named(asked.ids, asked.keeps)
            found, orders = map(self.one, seen), map(resources.order, seen)
            cursor = None
        else:
            lines, place = searches.page(self.principal, asked, after, limit)
            found, orders = map(self.of_line, lines), map(resources.order_of_line, lines)
            cursor = cursors.to_cursor(self.principal, scope, place)
        included = orders if self._includes_orders(given) else ()
        following = given | {"cursor": cursor} if cursor else None
        return self.shown(searches.bundle(self.kind, given, found, included, following))

    def _named(
        self, ids: Collection[UUID], keeps: Callable[[resources.Facts], bool]
    ) -> list[Detail]:
        """Read those that are named, each with its own access entry. One that the caller may not
        see is not there, as one that does not exist. A search for nothing is in the log, too."""
        if not ids:
            lists.list_nothing(self.principal)
        found = []
        for id_ in sorted(ids):
            try:
                seen = details.read_detail(self.principal, id_)
            except NotVisible:
                continue
            if keeps(resources.facts_of(seen)):
                found.append(seen)
        return found

    def _includes_orders(self, given: dict[str, str]) -> bool:
        """Whether the search asks for the ServiceRequests of its Tasks too. Raises BadRequest."""
        asked = given.get("_include")
        if asked is None:
            return False
        if self.kind != "Task" or asked != "Task:focus":
            raise BadRequest("invalid", "Enter Task:focus, in a search of Task.", "_include")
        return True

    def one(self, seen: Detail) -> dict[str, Any]:
        raise NotImplementedError

    def of_line(self, line: lists.Line) -> dict[str, Any]:
        raise NotImplementedError


class Tasks(_Search):
    kind = "Task"

    @staticmethod
    def status_of(status: str) -> str:
        return vocabulary.task_status(status)

    def one(self, seen: Detail) -> dict[str, Any]:
        return resources.task(resources.facts_of(seen))

    def of_line(self, line: lists.Line) -> dict[str, Any]:
        return resources.task(resources.facts_of_line(line))


class Orders(_Search):
    kind = "ServiceRequest"

    @staticmethod
    def status_of(status: str) -> str:
        return vocabulary.order_status(status)

    def one(self, seen: Detail) -> dict[str, Any]:
        return resources.order(seen)

    def of_line(self, line: lists.Line) -> dict[str, Any]:
        return resources.order_of_line(line)


class Order(FhirEndpoint):
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        seen = details.read_detail(self.principal, referral_id)
        return self.shown(resources.order(seen), version=resources.version_of(seen))


class Task(FhirEndpoint):
    repeats: ClassVar = {"put": Repeat.SAFE}
    logged_as = "referral.read"  # which act it would have been is not known before it is read

    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        return self._answer(details.read_detail(self.principal, referral_id))

    def put(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Do the act that the new status means, if nothing else was changed."""
        sent = self.data
        with self.reading():
            change = updates.read_update(sent)
        seen = details.read_detail(self.principal, referral_id)
        with self.reading():
            updates.require_same(change, resources.task(resources.facts_of(seen)))
            name, arguments = updates.act_of(change, seen.side)
        done = ACTS[name].do(self.principal, referral_id, if_match=self.if_match(), **arguments)
        return self._answer(done)

    def _answer(self, seen: Detail) -> Answer:
        facts = resources.facts_of(seen)
        output = self._output(seen)
        return self.shown(resources.task(facts, output), version=facts.version)

    def _output(self, seen: Detail) -> list[dict[str, Any]]:
        """Return what came back under a return release (ADR 0013), for a sender who works on it.
        Reading it is an entry of its own in the access log, whether something is there or not."""
        if seen.side != "from" or seen.status not in ENDED_FOR_SENDER:
            return []
        try:
            returned = return_releases.read_returned(self.principal, seen.referral.id)
        except NotPermitted:  # who does not work on it is not shown what came back
            return []
        return resources.output(returned.content) if returned else []
