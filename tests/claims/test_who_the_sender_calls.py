"""At the end of the ladder the sender's page says to call: the agency, its service, a hotline."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import work
from tests.support.people.stories import Story


@pytest.mark.parametrize("has_line", [True, False])
def test_the_senders_page_says_whom_to_call_now(
    story: Story, shift_clock: Any, superuser: Any, has_line: bool
) -> None:
    story.create(urgency="emergency").send()
    change = "UPDATE permissions_agency SET duty_phone = %s WHERE id = %s"
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT duty_phone FROM permissions_agency WHERE id = %s", [ywca()])
        ((kept,),) = cursor.fetchall()
    with superuser.cursor() as cursor:
        cursor.execute(change, ["406-555-0160" if has_line else "", ywca()])
        try:
            shift_clock("15 minutes 1 second")
            work()
            answer = at_the_desk("police.worker").get(f"/desk/referrals/{story.id}")
        finally:
            cursor.execute(change, [kept, ywca()])
    page = answer.content.decode()
    said = text_of(answer.content)
    assert "Call them yourself now." in said
    assert "If no one answers there, call a hotline" in said
    assert all(line["phone"] in said for line in settings.SAFETY_LINES)
    main = page[page.index("<main") : page.index("</main>")]
    assert 'href="tel:' in main
    assert ("406-555-0160" in main) is has_line
    assert "No number was given." not in main


def ywca() -> str:
    return str(agency_id("ywca"))
