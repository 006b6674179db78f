"""What a request may look like: strict JSON, known names, idempotency keys, cursors; and what the
process log says of one."""

import contextlib
import hashlib
import io
import json
import threading
from typing import Any
from uuid import uuid4

import pytest
import structlog

from api import logging_config
from api.http.middleware import CACHEABLE
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.stories import NOTICE, service_of
from tests.support.proofs.routes import filled, served


def send_raw(api: Any, body: bytes, content_type: str = "application/json", **extra: str) -> Any:
    caller = api("police.worker")
    headers = caller.headers(extra)
    return caller.http.generic("POST", "/v1/referrals", body, content_type, headers=headers)


DEEP = b'{"needs":' + b"[" * 20 + b"]" * 20 + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid"),
        (b"{", 400, "not_json"),
        (b"[]", 400, "not_an_object"),
        (b'"text"', 400, "not_an_object"),
        (b'{"urgency": NaN}', 400, "not_json"),
        (b'{"urgency": 1e400}', 400, "not_json"),
        (b'{"urgency": "a\\u0000b"}', 400, "not_text"),
        (b'{"urgency": "\\ud800"}', 400, "not_text"),
        (b'{"urgency": "urgent", "urgency": "routine"}', 400, "duplicate_key"),
        (b"\xff\xfe", 400, "not_json"),
        (DEEP, 400, "too_deep"),
        (b"[" * 100_000, 400, "too_deep"),
        (b'{"name": "x"}', 400, "unknown_field"),
        (b'{"urgency": "' + b"x" * 300_000 + b'"}', 413, "too_large"),
    ],
)
def test_malformed_bodies_are_refused_in_words(body, status, code, api):
    answer = send_raw(api, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_other_media_types_and_compressed_bodies_are_refused(api):
    assert send_raw(api, b"a=b", "application/x-www-form-urlencoded").status_code == 415
    assert send_raw(api, b"\x1f\x8b", Content_Encoding="gzip").status_code in (400, 415)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"urgency": "soon"}, "/urgency"),
        ({"needs": []}, "/needs"),
        ({"needs": ["magic"]}, "/needs/0"),
        ({"callback": "ask for Mary at the blue house"}, "/callback"),
        ({"with_worker_until": "tomorrow"}, "/with_worker_until"),
        ({"service_id": "not-a-uuid"}, "/service_id"),
        ({"concern": None}, "/concern"),
    ],
)
def test_a_wrong_field_is_pointed_at_and_never_echoed(change, pointer, api):
    body = NOTICE | {"service_id": service_of("ywca")} | change
    answer = api("police.worker").post("/v1/referrals", body)
    assert answer.status_code == 400
    assert answer.json()["pointer"] == pointer
    for value in change.values():
        assert not value or str(value) not in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        {"state": "sent"},
        {"box": "both"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "ten"},
        {"cursor": "made-up"},
        {"needs_answer": "yes"},
    ],
)
def test_unknown_and_malformed_parameters_are_refused(query, api):
    assert api("police.worker").get("/v1/referrals", query).status_code == 400


def test_an_idempotency_key_gives_one_referral(story, api):
    body = NOTICE | {"service_id": story.service_id}
    key = str(uuid4())
    officer = api("police.worker")
    first = officer.post("/v1/referrals", body, Idempotency_Key=key)
    again = officer.post("/v1/referrals", body, Idempotency_Key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    other = officer.post("/v1/referrals", body | {"urgency": "routine"}, Idempotency_Key=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    # the key is one caller's own
    colleague = api("police.worker2").post("/v1/referrals", body, Idempotency_Key=key)
    assert colleague.json()["id"] != first.json()["id"]
    assert len(officer.get("/v1/referrals").json()["items"]) == 2


def test_who_reads_the_database_learns_no_key_and_not_that_two_callers_chose_the_same(
    story, api, superuser
):
    """A key is the caller's text: their own number for a case, or a name."""
    body = NOTICE | {"service_id": story.service_id}
    key = "case 2026-118, Mary Example"
    for who in ("police.worker", "police.worker2"):
        assert api(who).post("/v1/referrals", body, Idempotency_Key=key).status_code == 201
    with superuser.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(k)::text, key FROM idempotency_key k")
        rows = cursor.fetchall()
    assert len({key for _, key in rows}) == len(rows) == 2
    plain = [hashlib.sha256(key.encode()).hexdigest(), key.encode().hex(), "mary"]
    for row, stored in rows:
        assert len(stored) == 64
        assert not any(one in row.lower() for one in plain)


def test_the_same_key_at_the_same_time_makes_one(story, api):
    body = NOTICE | {"service_id": story.service_id}
    key = str(uuid4())
    callers = [api("police.worker") for _ in range(6)]
    answers: list[Any] = []

    def go(caller: Any) -> None:
        from django.db import connections

        answers.append(caller.post("/v1/referrals", body, Idempotency_Key=key))
        connections.close_all()

    threads = [threading.Thread(target=go, args=[caller]) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len(api("police.worker").get("/v1/referrals").json()["items"]) == 1


def test_pages_follow_one_another_and_a_cursor_is_its_callers(story, api):
    made = []
    for _ in range(7):
        story.id = ""
        made.append(story.create().id)
    officer = api("police.worker")
    seen, cursor = [], None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = officer.get("/v1/referrals", query).json()
        seen += [line["id"] for line in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert api("police.worker2").get("/v1/referrals", {"cursor": cursor}).status_code == 400
        other = {"cursor": cursor, "box": "in"}
        assert officer.get("/v1/referrals", other).status_code == 400
    assert seen == made[::-1]


def test_a_box_holds_its_own(story, api):
    story.send()
    draft = type(story)(api, story.service_id).create()
    lines = api("police.worker").get("/v1/referrals", {"box": "out"}).json()["items"]
    assert [line["id"] for line in lines] == [draft.id, story.id]
    assert api("police.worker").get("/v1/referrals", {"box": "in"}).json()["items"] == []
    inbox = api("ywca.worker").get("/v1/referrals", {"box": "in"}).json()["items"]
    assert [line["id"] for line in inbox] == [story.id]
    waiting = api("ywca.worker").get("/v1/referrals", {"needs_answer": "true"}).json()["items"]
    assert [line["id"] for line in waiting] == [story.id]
    story.answers("accept")
    assert api("ywca.worker").get("/v1/referrals", {"needs_answer": "true"}).json()["items"] == []


def test_codes_and_tables_are_served_as_they_are_obeyed(api):
    lists = api(None).get("/v1/codes").json()["lists"]
    assert {one["code"] for one in lists["decline"]} >= {"no_capacity", "out_of_area", "other"}
    assert all(one["es"] for codes in lists.values() for one in codes)
    acts = api(None).get("/v1/referrals/transitions").json()["items"]
    assert json.dumps(acts).count('"act"') == len(acts) >= 17


# The version and hash of the codes. After you add a code, raise the version there and here.
LISTS_AT = ("2026-12-01", "f132c2105e62debd")


def test_the_version_of_the_codes_rises_with_them(api):
    answer = api(None).get("/v1/codes").json()
    lists = {name: [one["code"] for one in codes] for name, codes in answer["lists"].items()}
    found = hashlib.sha256(json.dumps(lists, sort_keys=True).encode()).hexdigest()[:16]
    assert (answer["version"], found) == LISTS_AT, "raise VERSION in referrals/codes.py"


def test_no_token_is_told_how(api):
    answer = api(None).get("/v1/referrals")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("packet", "pointer"),
    [({}, "/packet"), ({"shoe_size": "9"}, "/packet"), ({"name": " "}, "/packet/name")],
)
def test_a_wrong_packet_field_is_pointed_at_where_the_caller_wrote_it(packet, pointer, story, api):
    story.accept().release()
    answer = api("police.worker").act(story.id, "put_packet", {"packet": packet})
    assert (answer.status_code, answer.json()["pointer"]) == (400, pointer)


def test_no_answer_that_may_be_kept_has_a_cookie_with_it():
    """Every address, asked by somebody signed in: her session goes out with most answers."""
    member = at_the_desk("ywca.worker")
    paths = [filled(route, name="service") for route, _ in served()]
    with_cookie = 0
    for path in [*paths, "/static/nothing", "/static/desk/desk.css", "/safety"]:
        answer = member.get(path)
        answer.close()
        with_cookie += bool(answer.cookies)
        assert not answer.cookies or answer["Cache-Control"] == "no-store", path
    assert with_cookie > 50, "the session moves on with each page"


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize(
    "path", ["profile", "profile/service.json", "profile/x.json", "schema/service.json"]
)
def test_the_profile_is_the_same_for_everybody_and_no_cookie_goes_with_it(path, method):
    member = at_the_desk("ywca.worker")
    member.get("/desk/")
    ours = getattr(member.http, method)(f"/v1/directory/{path}")
    theirs = getattr(Pages().http, method)(f"/v1/directory/{path}")
    assert ours.content == theirs.content
    found = method != "post" and "x.json" not in path
    for answer in (ours, theirs):
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")
        assert answer.has_header("Content-Length")
        assert answer["Cache-Control"] == (CACHEABLE if found else "no-store")
    assert ours.status_code == (405 if method == "post" else 200 if found else 404)


def test_a_bad_token_is_refused_at_the_profile_too():
    headers = {"Authorization": "Bearer " + "x" * 40}
    assert HttpClient().get("/v1/directory/profile", headers=headers).status_code == 401


def test_a_word_of_the_callers_in_place_of_the_method_gets_into_no_log(network):
    """A method may be any word, such as a survivor's name."""
    written, answers = io.StringIO(), []
    paths = ("/", "/desk/", "/v1/referrals", "/v1/nowhere", "/oauth/token", "/static/desk/desk.css")
    try:
        with contextlib.redirect_stderr(written):
            logging_config.configure({"level": "INFO"})
            answers = [HttpClient().generic("MARY-EXAMPLE", path) for path in paths]
    finally:
        logging_config.configure({"level": "INFO"})
    assert {answer.status_code for answer in answers} == {405}
    assert not any("MARY" in str(answer.headers) + answer.content.decode() for answer in answers)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(one["event"], one["method"]) for one in lines] == [("request", "other")] * len(paths)
    assert "MARY" not in written.getvalue()


@pytest.mark.no_database
def test_a_log_line_holds_what_is_on_the_list_its_level_and_its_time() -> None:
    written = io.StringIO()
    try:
        with contextlib.redirect_stderr(written):
            logging_config.configure({"level": "INFO"})
        structlog.get_logger().debug("request", status=200)
        structlog.get_logger().error("bug", error="KeyError", count={1}, name="Invented Person")
    finally:
        logging_config.configure({"level": "INFO"})
    told = json.loads(written.getvalue())
    assert told.pop("timestamp").endswith("Z")
    assert told == {"event": "bug", "level": "error", "error": "KeyError", "count": "{1}"}
