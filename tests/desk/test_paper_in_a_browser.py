"""The paper that the survivor signs, as it comes out of the printer."""

import re
from typing import Any

import pytest

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import Story, service_of

pytestmark = pytest.mark.browser


@pytest.fixture(params=["police.worker", "hospital.worker", "sarc.worker"])
def draft(request: pytest.FixtureRequest, api: Any) -> Story:
    return Story(api, service_of("ywca"), sender=request.param).create()


@pytest.mark.parametrize("language", ["en", "es"])
def test_it_is_one_sheet_with_lines_to_sign_on_and_no_hotlines(
    draft: Story, server: Server, chromium: object, language: str
) -> None:
    desk = Desk(chromium, server, SIZES["wide"])  # type: ignore[arg-type]
    desk.sign_in(draft.sender)
    desk.page.goto(f"/desk/referrals/{draft.id}/release_paper?language={language}")
    desk.check()
    printed = desk.page.pdf(format="Letter", margin=dict.fromkeys(("top", "bottom"), "0.5in"))
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    desk.page.emulate_media(media="print")
    shown = desk.page.locator("body").inner_text()
    assert "911" not in shown
    assert "Cairn" not in shown.splitlines()[0]
    lines = desk.page.locator(".sign span")
    assert lines.count() >= 3 * 4, "a name, a signature and a date for each who may consent"
    for line in lines.all():
        assert line.evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"
        assert line.evaluate("one => one.getBoundingClientRect().width") > 100
