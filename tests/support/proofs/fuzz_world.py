"""The world that fuzzed requests are filled from: for each operation who may do it, an id of
something that is there, and a body that is right."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from directory.demo import loader
from directory.vocabulary import taxonomy_id, term_id
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.directory_entries import OURS
from tests.support.people.exports import ASKED, second_lead, work
from tests.support.people.stories import PACKET, Story, return_body, service_of
from tests.support.proofs import routes

# Acts by the side that does them, and how far the referral has come. The rest are the sender's, on
# one that was accepted.
DRAFT = {"put_notice", "put_notice_release", "send"}
WAITING = {"acknowledge", "accept", "decline", "withdraw", "mark_error"}
RECIPIENTS = {
    *("acknowledge", "accept", "undo_accept", "decline", "start_handoff", "handoff_failed"),
    *("complete", "unable", "put_return_release", "same_person_as", "open_packet", "open_handoff"),
    *("delivered", "revoke_return_release"),
}
EXPORTS = {
    *("list_exports", "ask_for_export", "read_export", "end_export", "download_export_part"),
}
LEADS = {"set_hold", "end_hold", "take_over", *EXPORTS}
IN_PERSON = {"give_opt_in": "police.admin", "withdraw_opt_in": "police.admin"}
IN_PERSON |= {"directory_open_confidential_address": "ywca.worker"}
OF_OURS = {"organization_id": str(OURS)}
EDITED: dict[str, dict[str, str]] = {
    "directory_put_service": OF_OURS | {"status": "active"},
    "directory_put_organization": {"description": "Invented."},
    "directory_put_location": OF_OURS | {"location_type": "physical"},
}
CHANGED = {
    *("directory_patch_service", "directory_end_service", "directory_patch_organization"),
    *("directory_location", "directory_patch_location", "directory_remove_location"),
}
MOST_STORIES = 60  # after which the tables are emptied: each keeps its rows in the lists


class World:
    """`api` gives a caller; `empty` takes away what the requests left; webhooks go to `hook`."""

    def __init__(self, api: Callable[..., Caller], empty: Callable[[], None], hook: str) -> None:
        self.api, self.empty, self.hook = api, empty, hook
        self.callers: dict[tuple[str | None, str | None], Caller] = {}
        self.stories, self.spent = 0, ""
        self.services = {key: service_of(key) for key in ("ywca", "sarc")}

    def caller(self, who: str | None, acting: str | None = None) -> Caller:
        if (who, acting) not in self.callers:
            self.callers[who, acting] = self.api(who, acting)
        return self.callers[who, acting]

    # -- Who may

    def right(self, operation: dict[str, Any]) -> Caller:
        """Who may do an operation: a system of either side, else a person."""
        name, security = operation["operationId"], operation["security"]
        scopes = {scope for one in security for scope in one.get("token", ())}
        if security == [{"session": []}]:
            return self.caller(IN_PERSON.get(name, "police.worker"))
        if "audit:read" in scopes or name == "read_receipt":
            return self.caller("ywca.auditor")
        if name in ("count_rights", "list_self_assignments"):
            return self.caller("ywca.lead")
        side = "ywca" if name in RECIPIENTS or "directory:write" in scopes else "police"
        acting = "lead" if name in LEADS else "editor" if "directory:write" in scopes else "worker"
        return self.caller(f"{side}.client", f"{side}.{acting}")

    def others(self) -> list[Caller]:
        """Four that ask for what is not theirs as well: two systems, an auditor and no one."""
        return [
            self.caller("police.client", "police.worker"),
            self.caller("ywca.client", "ywca.worker"),
            self.caller("ywca.auditor"),
            self.caller(None),
        ]

    # -- What is there

    def path(self, operation: dict[str, Any], *, spent: bool = False) -> dict[str, str]:
        """An id for each parameter of the path. `spent`: of a referral that others changed too."""
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
        if spent and names == ["referral_id"]:
            return {"referral_id": self.spent or self.referral("")}
        return {name: self._id(name, operation["operationId"]) for name in names}

    def _id(self, name: str, act: str) -> str:
        if name == "referral_id":
            return self.referral(act)
        known: dict[str, Callable[[], str]] = {
            "service_id": lambda: str(loader.service_id("ndvh-line")),
            "taxonomy_id": lambda: str(taxonomy_id("needs")),
            "term_id": lambda: str(term_id("needs", "food")),
            "organization_id": lambda: self._first("/v1/directory/organizations", "contents"),
            "place_id": lambda: self._first("/v1/directory/service_at_locations", "contents"),
            "event_id": lambda: self._first("/v1/events", "items"),
            "entry_id": lambda: self._first("/v1/access-log", "items", "ywca.auditor"),
            "channel_id": lambda: self._first("/v1/channels", "items", "police.worker"),
            "name": lambda: "service",
            "webhook_id": self._webhook,
            "export_id": self._export,
            "number": lambda: "1",
        }
        if act in CHANGED:
            return self._entry(f"directory_put_{act.rpartition('_')[2]}")
        if act in EDITED or name not in known:
            return str(uuid4())
        return known[name]()

    def _export(self) -> str:
        """An export of the police lead's that is ready. They have one at a time."""
        self.referral("")
        caller = self._no_exports()
        made = str(caller.post("/v1/exports", ASKED).json().get("id") or "")
        if not made:
            return str(uuid4())
        second_lead().confirms(made)
        work()
        return made

    def _no_exports(self) -> Caller:
        caller = self.caller("police.lead")
        for one in caller.get("/v1/exports").json().get("items", ()):
            caller.delete(f"/v1/exports/{one['id']}")
        return caller

    def _webhook(self) -> str:
        """A webhook of the police's: an agency may have few, so those before it go."""
        caller = self.caller("police.client", "police.worker")
        self._no_webhooks(caller)
        made = caller.post("/v1/webhooks", {"url": self.hook})
        return str(made.json().get("id") or uuid4())

    def _no_webhooks(self, caller: Caller) -> None:
        for one in caller.get("/v1/webhooks").json()["items"]:
            caller.delete(f"/v1/webhooks/{one['id']}")

    def _entry(self, put: str) -> str:
        """A new entry of the directory, of ours."""
        made, kind = str(uuid4()), put.rpartition("_")[2]
        editor = self.caller("ywca.client", "ywca.editor")
        editor.put(f"/v1/directory/{kind}s/{made}", self.body(put), If_None_Match="*")
        return made

    def _first(self, path: str, member: str, who: str = "") -> str:
        caller = self.caller(who) if who else self.caller("police.client", "police.worker")
        if path == "/v1/events":
            self.referral("withdraw")
        items = caller.get(path).json().get(member) or [{"id": uuid4()}]
        return str(items[0]["id"])

    def referral(self, act: str) -> str:
        """A referral on which the act can be done, as far as it can be said beforehand."""
        self.stories += 1
        if self.stories % MOST_STORIES == 0:
            self.empty()
            self.callers.clear()
            self.spent = ""
        story = Story(self.api, self.services["ywca"]).create()
        if act in DRAFT:
            return story.id
        story.send()
        if act in WAITING:
            return story.id
        story.release(*PACKET).packet(**PACKET).accept()
        if act == "handoff_failed":
            story.answers("start_handoff", {"mode": "phone"})
        if act == "put_return_release":
            story.answers("complete", {"outcome": "connected"})
        self.spent = story.id
        return story.id

    def body(self, name: str) -> Any:
        """A body that is right; None if the operation takes any, or none."""
        now = datetime.now(UTC)
        if name == "create_referral":
            return routes.BODIES["put_notice"] | {"service_id": self.services["ywca"]}
        if name in ("assign", "hand_over", "block", "unblock"):
            return {"member_id": str(member_id("police.worker2"))}
        if name == "set_plan":
            return {"services": [self.services["sarc"]]}
        if name == "put_return_release":
            return return_body()
        if name == "give_opt_in":
            ends = (now + timedelta(days=7)).isoformat()
            return {"to_agency_id": str(agency_id("taskforce")), "ends_at": ends}
        if name == "she_said_no":
            return {}
        if name == "record_call":
            phone = str(loader.service_id("ndvh-line"))
            return {"service_id": phone, "outcome": "no_answer", "put_through": False}
        if name == "create_webhook":
            caller = self.caller("police.client", "police.worker")
            self._no_webhooks(caller)
            return {"url": self.hook}
        if name == "ask_for_export":
            self._no_exports()
            return ASKED
        if name == "change_webhook":
            return {"paused": True}
        if name in EDITED:
            return EDITED[name] | {"name": f"Invented entry {uuid4().hex[:8]}"}
        if name in routes.BODIES or name in routes.READ_AS:
            return routes.body_for(f"/{name}")
        return None
