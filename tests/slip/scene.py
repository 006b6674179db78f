"""A survivor with a slip, and a browser of their own."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings

from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import PACKET, Story

WORD, WRONG = "Heron by the river", "another word"
CODE = re.compile(r"<code>((?:[A-Z]{4}-){3}[A-Z]{4})</code>")


@pytest.fixture(autouse=True)
def no_count_stays(superuser: Any) -> Any:
    """Tries of one test do not count in the next."""
    yield
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM recent_count")
    superuser.commit()


def give(story: Story, who: str = "police.worker", word: str = WORD) -> str:
    """The worker gives a slip, and the survivor types their word; its code, as it is printed."""
    desk = at_the_desk(who)
    path = f"/desk/referrals/{story.id}/slip"
    body = {"asked": "on", "word": word, "again": word}
    answer = desk.submit(path, body, follow=False)
    assert answer.status_code == 302, text_of(answer.content)
    assert answer["Location"] == f"{path}/print", answer["Location"]
    page = desk.get(answer["Location"]).content.decode()
    found = CODE.search(page)
    assert found, text_of(page)
    assert word not in page
    return found[1]


def end_slip(story: Story, who: str = "police.worker") -> None:
    at_the_desk(who).submit(f"/desk/referrals/{story.id}/slip", {"end": "1"})


@dataclass
class Survivor:
    """A browser that has never been here, and what its owner knows."""

    code: str = ""
    word: str = WORD
    http: Pages = field(default_factory=Pages)

    def enters(self, code: str = "", word: str = "") -> Any:
        body = {"code": code or self.code, "word": word or self.word}
        return self.http.submit("/slip", body, follow=False)

    def gets_in(self) -> bool:
        answer = self.enters()
        return answer.status_code == 302 and answer["Location"] == "/slip/open"

    def page(self) -> str:
        return self.http.get("/slip/open").content.decode()

    def sees(self) -> str:
        return text_of(self.page())

    def ends(self) -> Any:
        return self.http.submit("/slip/open/end", follow=False)

    def shares_less(self, *stop: str) -> Any:
        return self.http.submit("/slip/open/less", {"stop": list(stop)}, follow=False)

    @property
    def kept(self) -> str:
        return str(self.http.http.cookies[settings.SLIP_COOKIE_NAME].value)


@pytest.fixture
def shared(story: Story) -> Story:
    """A packet that its recipient may open."""
    return story.accept().release(*PACKET).packet(**PACKET)


@pytest.fixture
def survivor(shared: Story) -> Survivor:
    return Survivor(give(shared))


def opens(story: Story, who: str = "ywca.worker") -> Any:
    """What the recipient's worker is answered who opens the packet now."""
    answer = story.api(who).act(story.id, "open_packet", {"purpose": "service"})
    return answer.json().get("packet") or answer.json()["code"]


def entries(superuser: Any, act: str) -> list[tuple[Any, ...]]:
    return rows(
        superuser,
        "SELECT decision, rule, agency_id, member_id, referral_id, request_id, address_prefix"
        " FROM access_entry WHERE act = %s ORDER BY xact, id",
        [act],
    )
