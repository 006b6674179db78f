"""An exercise for tests: the police's lead begins it at the desk, and others join by its code."""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import release_body, service_of

RELEASE = {
    "basis": "stated_agreement",
    "fields_": ["name", "phone", "safe_contact"],
    "purpose": "receive_service",
    "form": "oral_witnessed",
    "lasts": "1",
    "consenters": ["self"],
    "not_the_abuser": "on",
    "adult": "on",
    "attestations": release_body()["attestations"],
}
NOTICE = {
    "agreement": "agrees",
    "urgency": "emergency",
    "needs": ["shelter"],
    "wanted": "come_here",
}


def code_on(page: Any) -> str:
    found = re.search(r'<strong class="code">([A-Z]{4} [A-Z]{4})</strong>', page.content.decode())
    assert found, text_of(page.content.decode())
    return found[1]


@dataclass
class Exercise:
    """`police.lead` leads it; `ywca.worker` answers in it. Each has a browser of their own."""

    desks: dict[str, Pages] = field(default_factory=dict)
    code: str = ""
    id: str = ""  # the referral that was practiced

    def begin(self, who: str = "police.lead") -> "Exercise":
        self.desks[who] = self.desks.get(who) or at_the_desk(who)
        page = self.desks[who].submit("/desk/practice", {"begin": "1"})
        self.code = code_on(page)
        return self

    def join(self, *people: str) -> "Exercise":
        for who in people:
            self.desks[who] = self.desks.get(who) or at_the_desk(who)
            page = self.desks[who].submit("/desk/practice", {"code": self.code.lower()})
            assert "Agencies that take part" in page.content.decode(), text_of(
                page.content.decode()
            )
        return self

    def refer(self, who: str = "police.lead", key: str = "ywca") -> Any:
        """Send an emergency to the agency's service, at the desk; what is typed is not read."""
        form = f"/desk/referrals/new?service={service_of(key)}"
        typed = NOTICE | {"callback": "406-555-0199", "send": "1"}
        answer = self.desks[who].submit(form, typed)
        found = re.search(r"/desk/referrals/([0-9a-f-]{36})", answer.request["PATH_INFO"])
        self.id = found[1] if found else ""
        return answer


def accept_and_share(exercise: Exercise) -> None:
    """The referral is accepted; then the police put a permission and a packet, and it is opened."""
    police, ywca = exercise.desks["police.lead"], exercise.desks["ywca.worker"]
    page = f"/desk/referrals/{exercise.id}"
    accepted = ywca.submit(f"{page}/accept").content.decode()
    assert "Accepted and assigned to you." in text_of(accepted)
    put = police.submit_steps(f"{page}/put_release", RELEASE).content.decode()
    assert "The permission is recorded." in text_of(put), text_of(put)
    packet = police.submit(f"{page}/put_packet", {"name": "Typed Name", "phone": "406-555-0199"})
    assert "saved and sealed" in packet.content.decode(), text_of(packet.content.decode())
    opened = ywca.submit(f"{page}/open_packet", {"purpose": "intake"}).content.decode()
    assert "Practice Person" in opened, text_of(opened)
    assert "Typed Name" not in opened
