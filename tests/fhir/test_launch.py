"""A record opens the desk as a SMART app: what it says of its patient gets nowhere."""

from typing import Any

import pytest

from tests.support.ground.http_client import HttpClient
from tests.support.people.access_log import everything_stored
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.stories import Story

LAUNCH = {"iss": "https://record.example.org/fhir", "launch": "of-an-invented-patient"}


@pytest.mark.parametrize("page", ["/desk/", "/desk/referrals/{id}"])
def test_the_desk_opens_and_keeps_nothing_of_the_launch(
    story: Story, superuser: Any, caplog: Any, capfd: Any, page: str
) -> None:
    story.send()
    path = page.replace("{id}", story.id)
    pages = at_the_desk("police.worker")
    plain, launched = pages.get(path), pages.get(path, LAUNCH)
    assert launched.status_code == plain.status_code == 200
    assert "of-an-invented-patient" not in launched.content.decode()
    assert "frame-ancestors 'none'" in launched["Content-Security-Policy"]
    assert "of-an-invented-patient" not in str(everything_stored(superuser))
    assert "of-an-invented-patient" not in caplog.text + "".join(capfd.readouterr())


def test_who_is_not_signed_in_signs_in_here_and_the_launch_is_gone(superuser: Any) -> None:
    http = HttpClient()
    answer = http.get("/desk/", LAUNCH)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login")
    page = http.get(answer["Location"])
    assert "of-an-invented-patient" not in str(everything_stored(superuser))
    assert page.status_code == 200
