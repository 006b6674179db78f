"""An agency of sixty people: invited by one list, with every link handed over."""

import time
from typing import Any

from permissions.models import Invitation, SealedMessage
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.enrollment.links import sent
from tests.support.people.desk_pages import at_the_desk, text_of

PEOPLE = "".join(f"Officer {number:02},worker,o{number}@police.invalid\n" for number in range(60))


def test_sixty_people_are_invited_by_one_list(network: Any) -> None:
    desk, began = at_the_desk("police.admin"), time.monotonic()
    checked = desk.submit("/desk/members/list", {"people": PEOPLE, "what": "check"})
    assert "Officer 59" in text_of(checked.content)
    desk.submit("/desk/members/list", {"people": PEOPLE, "what": "invite"})
    invited = time.monotonic()
    assert Invitation.objects.count() == 60
    links = {one["text"] for one in sent()[:60] if "/join/" in one["text"]}
    handed_over = time.monotonic()
    assert len(links) == 60
    assert not SealedMessage.objects.exclude(outcome="handed_over").exists()
    print(
        f"60 people looked at and invited in {invited - began:.1f} s, their links handed over in"
        f" {handed_over - invited:.1f} s more"
    )
