"""The counts of the access log at the auditor's desk: whose, and of which month."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.desk.audit_log import LOG
from tests.desk.audit_log import worked_on as worked_on  # a fixture
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story


def test_counts_are_of_ones_own_agency_and_for_oversight_of_each(
    worked_on: Story, shift_clock: Any
) -> None:
    month = {"month": f"{datetime.now(ZoneInfo('America/Denver')):%Y-%m}"}
    own = text_of(at_the_desk("ywca.auditor").get(f"{LOG}/counts").content)
    counted = r"{}, \w+ 20\d\d in America/Denver"
    assert re.search(counted.format("Demo Women's Centre"), own)
    assert not re.search(counted.format("Demo City Police"), own)
    network = text_of(at_the_desk("taskforce.auditor").get(f"{LOG}/counts", month).content)
    assert "Opened a packet" not in network, "the month is not over"
    shift_clock("32 days")
    network = text_of(at_the_desk("taskforce.auditor").get(f"{LOG}/counts", month).content)
    shift_clock("0")
    assert re.search(counted.format("Demo City Police"), network)
    assert at_the_desk("ywca.auditor").get(f"{LOG}/counts?month=soon").status_code == 400
    refused = "Refused : not one of those who work on it . Tried: “Viewed permissions”"
    assert refused in own


def test_a_month_is_counted_in_the_time_zone_of_the_entries(api: Any, shift_clock: Any) -> None:
    """Late on its last evening in Denver another month has begun in UTC."""
    here = datetime.now(ZoneInfo("America/Denver")).replace(tzinfo=UTC)
    next_month = (here.replace(day=1) + timedelta(days=32)).replace(day=1)
    evening = next_month.replace(hour=2, minute=30)
    month, words = (f"{evening - timedelta(days=1):{form}}" for form in ("%Y-%m", "%B %Y"))

    def listed() -> int:
        page = text_of(at_the_desk("sarc.auditor").get(f"{LOG}/counts", {"month": month}).content)
        assert f", {words} in America/Denver What Entries" in page
        found = re.search(r" Viewed the inbox (\d+)", page)
        return int(found[1]) if found else 0

    before = listed() if api("sarc.worker").get("/v1/referrals").status_code == 200 else 0
    shift_clock(str(evening - datetime.now(UTC)))
    assert api("sarc.worker").get("/v1/referrals").status_code == 200
    shift_clock("0")
    assert listed() == before + 1


def test_the_month_that_is_counted_is_the_one_that_is_chosen(worked_on: Story) -> None:
    """And each is offered of the years that the log is kept."""
    auditor, now = at_the_desk("ywca.auditor"), datetime.now(UTC)
    for month in ("2004-02", f"{now.year - 6}-{now:%m}", f"{now:%Y-%m}"):
        page = auditor.get(f"{LOG}/counts", {"month": month}).content.decode()
        assert f'<option value="{now.year - 5}-01">January {now.year - 5}</option>' in page
        assert re.findall(r'<option value="([^"]+)" selected>', page) == [month]
