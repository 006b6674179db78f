"""A new referral asks for nothing that Cairn knows, and says each fault where it is."""

import re
from typing import Any

from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import keep
from tests.support.people.stories import service_of


def test_a_new_referral_is_filled_in_as_far_as_it_is_known(api: Any) -> None:
    service_id = service_of("ywca")
    desk = at_the_desk("police.worker")
    keep(api, "police.worker", "voice", "+14065550123")
    page = desk.get(f"/desk/referrals/new?service={service_id}").content.decode()
    assert 'value="406-555-0123"' in page
    chosen = re.findall(r'name="needs" value="([a-z_]+)"[^>]*checked', page)
    assert chosen, "what the service is for"
    extension = {"callback": "406-555-0123, ext. 22", "urgency": "urgent", "keep": "1"}
    extension |= {"needs": chosen, "wanted": "call_worker", "agreement": "agrees"}
    kept = desk.submit(f"/desk/referrals/new?service={service_id}", extension)
    assert "406-555-0123 x22" in text_of(kept.content)
    wrong = desk.submit(f"/desk/referrals/new?service={service_id}", extension | {"callback": "?"})
    said = wrong.content.decode()
    assert "<title>Error: New referral · Cairn</title>" in said
    assert 'role="alert" id="errors" tabindex="-1" autofocus' in said
