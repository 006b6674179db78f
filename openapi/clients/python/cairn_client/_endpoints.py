"""What a partner system asks for most, by name. Everything else of the contract is one call of
`request`."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypedDict, TypeVar
from uuid import uuid4

from cairn_client._exchange import Document, Exchange, Request, takes_key
from cairn_client.keys import PrivateKey

Got = TypeVar("Got", covariant=True)
Events = TypeVar("Events", covariant=True)
Changes = TypeVar("Changes", covariant=True)
Item = TypeVar("Item")
Params = dict[str, Any]
Key = PrivateKey | Mapping[str, Any] | str | bytes

PAGE = 100
PAUSE_S = 30  # between two looks at a feed, where the server does not say when


class Event(TypedDict):
    """What happened, as your side may know it: ids and codes."""

    id: str
    at: str
    referral_id: str
    act: str
    side: str  # whose act: from, to, system
    code: str | None
    member_id: str | None
    about_id: str | None


class Change(TypedDict):
    """What changed in the directory. `action`: created, updated, deleted."""

    kind: str
    id: str
    action: str
    at: str


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of a feed. Keep `next` once its items are dealt with: a restart goes on from it."""

    items: list[Item]
    next: str
    is_last: bool  # there is nothing more for now
    pause_s: float  # until there may be

    def onward(self, params: Params) -> Params:
        """Return what asks for the page after this one."""
        return {name: one for name, one in params.items() if name != "from"} | {"after": self.next}


def page_of(said: Document) -> Page[Any]:
    pause_s = PAUSE_S if said.pause_s is None else said.pause_s
    return Page(said["items"], said["next"], len(said["items"]) < PAGE, pause_s)


def given(params: Mapping[str, Any]) -> Params:
    """Leave out what is None."""
    return {name: value for name, value in params.items() if value is not None}


def next_params(said: Document, params: Params) -> Params | None:
    """Return what asks for the page after this one; None after the last."""
    if "contents" in said:  # the directory's lists count their pages
        number = int(said["page_number"])
        return params | {"page": number + 1} if number < said["total_pages"] else None
    return params | {"cursor": said["next"]} if said["next"] else None


class Endpoints(Generic[Got, Events, Changes]):
    """A system of an agency, at one server. `acting` names the member of staff on whose behalf it
    acts: by id, or as `staff_ref:4711`. Without `client_id` and `key` it reads what is public.
    `scopes`: fewer than the system has. `longest_wait_s`: a longer Retry-After is raised.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str | None = None,
        key: Key | None = None,
        *,
        acting: str | None = None,
        scopes: Iterable[str] = (),
        tries: int = 5,
        longest_wait_s: float = 60,
        timeout_s: float = 30,
    ) -> None:
        read = key if key is None or isinstance(key, PrivateKey) else PrivateKey(key)
        self._exchange = Exchange(
            *(base_url, client_id, read),
            scopes=scopes,
            tries=tries,
            longest_wait_s=longest_wait_s,
        )
        self.acting = acting
        self._connect(timeout_s)

    def _connect(self, timeout_s: float) -> None:
        raise NotImplementedError

    def _ask(self, request: Request) -> Got:
        raise NotImplementedError

    def _feed(self, path: str, at: Params, follow: bool) -> Any:
        raise NotImplementedError

    def as_member(self, acting: str) -> Self:
        """Return this client acting for another member, with the same token and connections."""
        other = copy.copy(self)
        other.acting = acting
        return other

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        if_match: str | None = None,
    ) -> Got:
        """Ask for any operation of the contract. `path` begins with /v1. A write that makes or
        sends something gets an Idempotency-Key of its own, which all tries share; give `key` if the
        same must hold after a restart of your program. Raises CairnError."""
        headers = given({"Acting-Member": self.acting, "If-Match": if_match})
        if key is None and takes_key(method, path):
            key = str(uuid4())
        return self._ask(Request(method, path, body, given(params or {}), headers, key))

    def me(self) -> Got:
        """Read who you are to Cairn, what you may do, and which releases your agency may record."""
        return self.request("GET", "/v1/me")

    def refer(
        self, referral: Mapping[str, Any], *, agreement: str | None = None, key: str | None = None
    ) -> Got:
        """Make a referral with all that is known of it (notice, release, packet, external_ref), and
        send it, if `agreement` says what the survivor said to the notice: all of it or nothing."""
        send = {"send": {"agreement": agreement}} if agreement else {}
        return self.request("POST", "/v1/referrals", {**referral, **send}, key=key)

    def referral(self, referral_id: str) -> Got:
        """Read a referral, as your side is shown it."""
        return self.request("GET", f"/v1/referrals/{referral_id}")

    def act(
        self,
        referral_id: str,
        act: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
    ) -> Got:
        """Do one act: acknowledge, accept, decline, complete … After an answer that was lost, one
        with `if_match` may be 412: read the referral again."""
        path = f"/v1/referrals/{referral_id}/{act}"
        return self.request("POST", path, body or {}, key=key, if_match=if_match)

    def event(self, event_id: str) -> Got:
        """Read the event that a webhook's message names."""
        return self.request("GET", f"/v1/events/{event_id}")

    def events(
        self,
        after: str | None = None,
        *,
        from_now: bool = False,
        referral_id: str | None = None,
        follow: bool = False,
    ) -> Events:
        """Go through your agency's events, oldest first, page by page: from the beginning, `after`
        the `next` of a page, or `from_now` on. `follow`: wait for more, without end."""
        start = {"from": "now"} if from_now and after is None else {"after": after}
        at = given({"limit": PAGE, "referral_id": referral_id} | start)
        events: Events = self._feed("/v1/events", at, follow)
        return events

    def changes(self, after: str | None = None, *, follow: bool = False) -> Changes:
        """Go through the changes of the directory, in the same way."""
        at = given({"limit": PAGE, "after": after})
        changes: Changes = self._feed("/v1/directory/changes", at, follow)
        return changes
