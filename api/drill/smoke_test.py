"""One referral of the drill, from its first act to its purge, as two partner agencies live it.

Every act goes over HTTP through the whole application, with a credential of the drill's members
(permissions/practice/drill.py). It ends at the first step that differs; what it made is erased in
any case.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import requests

from api.drill.web_server import Web
from permissions.database.clock import database_now
from permissions.identity import credentials
from permissions.practice import drill
from permissions.practice.drill import Pair
from referrals.deadlines.jobs_sql import query
from referrals.drill import standing

SEALED_WITHIN_S = 60.0  # a second or two, where the background work runs
LEFT = ("referral", "packet_field", "packet_grant", "release", "referral_event", "referral_side")


class Differs(Exception):
    """A step did something other than it must; the text says which, and what to look at."""


class SmokeTest:
    """`say(step, well)` is called after each step; `seal`: called while a seal is waited for."""

    def __init__(
        self, web: Web, say: Callable[[str, bool], None], seal: Callable[[], object]
    ) -> None:
        self.web, self.say, self.seal = web, say, seal

    def run(self) -> None:
        """Raises Differs at the first step that differs; Refused, django.db.Error."""
        with self.step("the web server answers and can serve"):
            self._is_ready()
        with self.step("a packet of the drill that was there opens"):
            kept = standing.make_drill()
            standing.open_drill_packet()
        with standing.one_at_a_time():
            pair = drill.ensure_pair()
            try:
                self._story(pair, *(drill.open_credential(one) for one in pair))
            finally:
                standing.erase_others(kept.referral_id)
                for one in pair:
                    credentials.end_all_of_agency(one.agency_id)
        with self.step("all of it is purged, and no credential of it is left"):
            self._left_nothing(kept.referral_id)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        try:
            yield
        except requests.RequestException as error:
            self.say(name, False)
            raise Differs(
                f"No web server answers at {self.web.address}: {type(error).__name__}."
            ) from error
        except BaseException:
            self.say(name, False)
            raise
        self.say(name, True)

    def _is_ready(self) -> None:
        self._expect(200, "GET", "/health/live")
        checks = self._expect(200, "GET", "/health/ready").json()["checks"]
        for name, state in checks.items():
            if state != "ok":
                self.say(f"{name} is {state}: deploy/RUNBOOK.md, Alerts", False)
        self._expect(200, "GET", "/safety")  # whom to call, kept on phones

    def _story(self, pair: Pair, sender: str, recipient: str) -> None:
        now = database_now("default")
        with self.step("the sender creates a referral"):
            body = standing.NOTICE.values() | {"service_id": str(drill.SERVICE_ID)}
            made = self._expect(201, "POST", "/v1/referrals", _plain(body), sender).json()
            referral_id = UUID(made["id"])
            path = f"/v1/referrals/{referral_id}"
        with self.step("no one else finds it"):
            self._expect(404, "GET", path, None, recipient)  # before it is sent
            self._expect(401, "GET", path)
        with self.step("the sender records a release and seals a packet"):
            release = _release(now)
            self._expect((200, 201), "POST", f"{path}/put_release", release, sender)
            packet = {"packet": standing.PACKET}
            self._expect((200, 201), "POST", f"{path}/put_packet", packet, sender)
        with self.step("the sender sends it"):
            self._expect(200, "POST", f"{path}/send", {"agreement": "agrees"}, sender)
        with self.step("the recipient acknowledges and accepts it"):
            self._expect(200, "POST", f"{path}/acknowledge", {}, recipient)
            self._expect(200, "POST", f"{path}/accept", {}, recipient)
        with self.step("the recipient opens the packet"):
            opened = self._open(path, recipient)
            if opened["packet"] != standing.PACKET:
                raise Differs("The packet opened, and says something else.")
        with self.step("the sender's feed has the accept"):
            self._hears(referral_id, sender)
        with self.step("a release that ends closes the packet at once"):
            self._expect(200, "POST", f"{path}/revoke_release", {"via": "oral"}, sender)
            body = {"purpose": "intake"}
            refused = self._expect((403, 409), "POST", f"{path}/open_packet", body, recipient)
            if "packet" in refused.json():
                raise Differs("The packet opened after its release had ended.")
        with self.step("the log has the opening, sealed, with a receipt"):
            self._is_sealed(opened["receipt"], recipient)

    def _open(self, path: str, secret: str) -> Any:
        return self._expect(
            200, "POST", f"{path}/open_packet", {"purpose": "intake"}, secret
        ).json()

    def _hears(self, referral_id: UUID, secret: str) -> None:
        """An event appears once all that could come before it are there."""
        end, after = time.monotonic() + SEALED_WITHIN_S, ""
        while time.monotonic() < end:
            query_ = f"?limit=100&after={after}" if after else "?limit=100"
            page = self._expect(200, "GET", f"/v1/events{query_}", None, secret).json()
            for event in page["items"]:
                if (event["referral_id"], event["act"]) == (str(referral_id), "accept"):
                    return
            if len(page["items"]) < 100:
                time.sleep(0.2)
            after = page["next"]
        raise Differs("The feed has no event of the accept: is a transaction open for long?")

    def _is_sealed(self, entry_id: str, secret: str) -> None:
        end = time.monotonic() + SEALED_WITHIN_S
        while True:
            self.seal()
            answer = self.web.ask("GET", f"/v1/access-log/{entry_id}/receipt", None, secret)
            if answer.status_code == 200:
                return
            if answer.json().get("code") != "not_sealed" or time.monotonic() > end:
                raise Differs(
                    "The entry was not sealed. Does the background work run? `manage.py worker"
                    " status`, `manage.py ledger status`."
                )
            time.sleep(0.5)

    def _left_nothing(self, kept: UUID) -> None:
        for table in LEFT:
            column = "id" if table == "referral" else "referral_id"
            ((left,),) = query(
                f"SELECT count(*) FROM {table} WHERE {column} <> %s AND {column} IN"  # noqa: S608
                " (SELECT id FROM referral WHERE from_agency_id = %s)",
                [kept, drill.SENDER_ID],
            )
            if left:
                raise Differs(f"{left} rows are left in {table}.")

    def _expect(
        self,
        status: int | tuple[int, ...],
        method: str,
        path: str,
        body: Any = None,
        secret: str = "",
    ) -> requests.Response:
        answer = self.web.ask(method, path, body, secret)
        wanted = (status,) if isinstance(status, int) else status
        if answer.status_code not in wanted:
            raise Differs(f"{method} {_route(path)}: {answer.status_code}{_code(answer)}.")
        return answer


def _code(answer: requests.Response) -> str:
    """The refusal's code, never its text."""
    try:
        return f" ({answer.json()['code']})"
    except (ValueError, KeyError, TypeError):
        return ""


def _route(path: str) -> str:
    return "/".join("…" if len(part) == 36 else part for part in path.split("?")[0].split("/"))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """What a request says of these values: without those that are not stated."""
    return {name: value for name, value in values.items() if value is not None}


def _release(now: datetime) -> dict[str, Any]:
    terms = standing.terms(now, timedelta(days=1))
    return {
        "basis": terms.basis,
        "purpose": terms.purpose,
        "fields": list(terms.fields),
        "form": terms.form,
        "signed_at": terms.signed_at.isoformat(),
        "expires_at": terms.expires_at.isoformat(),
        "attestations": list(terms.attestations),
        "consenters": [
            {"who": one.who, "signed_at": one.signed_at.isoformat(), "not_the_abuser": True}
            for one in terms.consenters
        ],
        "adult": terms.adult,
    }
