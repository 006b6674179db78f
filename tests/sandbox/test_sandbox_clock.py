"""The demo's clock goes forward, and what is then due is done."""

from typing import Any

import pytest

from referrals import worker
from tests.sandbox.asks import ahead, ask
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import Pages
from tests.support.people.stories import Story


def test_the_clock_goes_forward_and_moves_add_up(network: Any) -> None:
    before = HttpClient().get("/demo/clock").json()
    assert before["ahead"] == "P0DT00H00M00S"
    moved = ask("clock", {"forward": "PT15M"})
    assert (moved.status_code, moved.json()["ahead"]) == (200, "P0DT00H15M00S")
    assert ask("clock", {"forward": "P1DT2H3M4S"}).status_code == 200
    assert ahead() == "P1DT02H18M04S"
    assert HttpClient().get("/demo/clock").json()["now"] > before["now"]


def test_a_deadline_that_the_clock_passed_is_marked_before_the_answer(
    api: Any, story: Story
) -> None:
    story.send()
    assert ask("clock", {"forward": "PT59M"}).status_code == 200
    acts = [one["act"] for one in api("police.worker").get("/v1/events").json()["items"]]
    assert "ack_missed" not in acts
    assert ask("clock", {"forward": "PT2M"}).status_code == 200
    events = api("police.worker").get("/v1/events").json()["items"]
    assert [one["act"] for one in events if one["act"] not in ("create", "send")], "one is marked"
    assert ask("clock", {"forward": "PT3H"}).status_code == 200
    assert api("police.worker").get(f"/v1/referrals/{story.id}").json()["status"] == "expired"


def test_every_job_of_the_background_work_looks_at_once(network: Any, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("LISTEN cairn_work")
        assert ask("clock", {"forward": "PT1S"}).status_code == 200
        cursor.execute("SELECT 1")
    superuser.poll()
    assert {one.payload for one in superuser.notifies} >= {job.name for job in worker.JOBS}


@pytest.mark.parametrize(
    "forward",
    [
        *("", "P", "PT", "PT0S", "-PT5M", "PT-5M", "P32D", "15:00", "PT5M ", "PT1.5H", "P1M", "1D"),
        *("P1Y", "PT٥M", "pt5m", "P31DT1S", "PT9999999S"),
        *(None, 15, True, ["PT5M"], {"PT": "5M"}),
    ],
)
def test_what_is_no_duration_moves_nothing(network: Any, forward: Any) -> None:
    refused = ask("clock", {"forward": forward})
    assert (refused.status_code, refused.json()["pointer"]) == (400, "/forward")
    assert ahead() == "P0DT00H00M00S"


@pytest.mark.parametrize("body", [{}, {"forward": "PT5M", "back": "PT5M"}, [], "PT5M"])
def test_another_body_is_refused(network: Any, body: Any) -> None:
    assert ask("clock", body).status_code == 400
    assert ahead() == "P0DT00H00M00S"


def test_the_clock_is_a_year_ahead_at_most(network: Any) -> None:
    for _ in range(11):
        assert ask("clock", {"forward": "P31D"}).status_code == 200
    refused = ask("clock", {"forward": "P31D"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert ahead() == "P341DT00H00M00S"
    assert HttpClient().get("/demo").status_code == 200


def test_a_form_needs_its_token_and_json_its_type(network: Any) -> None:
    """So that no page of another site moves the clock of who reads it."""
    http = HttpClient(enforce_csrf_checks=True)
    assert http.post("/demo/clock", {"forward": "PT5M"}).status_code == 403
    for kind in ("text/plain", "application/octet-stream", ""):
        body = b'{"forward": "PT5M"}'
        assert http.post("/demo/clock", body, content_type=kind).status_code == 415
    assert ahead() == "P0DT00H00M00S"
    pages = Pages()
    answer = pages.submit("/demo", {"forward": "PT5M"}, action="/demo/clock", follow=False)
    assert (answer.status_code, answer["Location"]) == (302, "/demo")
    assert ahead() == "P0DT00H05M00S"
    assert "The clock was moved." in pages.get("/demo").content.decode()
    assert pages.submit("/demo", {"forward": "x"}, action="/demo/clock").status_code == 400
