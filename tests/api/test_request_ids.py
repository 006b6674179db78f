"""A partner system may name its own request: by a random UUID, and by nothing else."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.ground.http_client import HttpClient

PATH = "/v1/referrals"
RANDOM = "7b06405a-163e-4872-b15d-09452d018436"


def test_a_chosen_id_is_kept_in_the_answer_and_in_the_access_entry(
    api: Any, superuser: Any
) -> None:
    chosen = str(uuid4())
    answer = api("police.client").get(PATH, X_Request_Id=chosen)
    assert (answer.status_code, answer["X-Request-Id"]) == (200, chosen)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT act FROM access_entry WHERE request_id = %s", [chosen])
        assert cursor.fetchall() == [("referral.list",)]


def test_a_refusal_keeps_it_too(api: Any) -> None:
    for path, status in ((PATH, 401), ("/v1/nowhere", 404), ("/oauth/token", 405)):
        chosen = str(uuid4())
        answer = HttpClient().get(path, headers={"X-Request-Id": chosen})
        assert (answer.status_code, answer["X-Request-Id"]) == (status, chosen), path


@pytest.mark.parametrize(
    "chosen",
    [
        *("", "1", "case 2026-118, Mary Example", "a" * 5000, "\t", "{}", '"', "é" * 36),
        RANDOM.upper(),
        RANDOM.replace("-", ""),
        *(f"{{{RANDOM}}}", f"urn:uuid:{RANDOM}", f"{RANDOM}, {RANDOM}"),
        *(f"{RANDOM} ", f"{RANDOM}\u0661"),
        "01a22b64-331a-727f-bc33-99ba360138c6",  # of version 7, as ours are
        str(UUID(int=0)),
    ],
)
def test_any_other_text_is_replaced_and_repeated_nowhere(
    chosen: str, capsys: Any, superuser: Any
) -> None:
    answer = HttpClient().get(PATH, headers={"X-Request-Id": chosen})
    made = answer["X-Request-Id"]
    assert made != chosen
    assert UUID(made).version == 7
    if len(chosen) > 1:
        assert chosen not in answer.content.decode() + json.dumps(dict(answer.items()))
        written = capsys.readouterr()
        assert chosen not in written.err + written.out


def test_a_page_has_an_id_of_ours() -> None:
    chosen = str(uuid4())
    answer = HttpClient().get("/accounts/login/", headers={"X-Request-Id": chosen})
    assert answer["X-Request-Id"] != chosen
