"""The page to keep: the safety lines, for everybody and without a session."""

import re

from django.conf import settings
from django.db import connections

from api.http.middleware import KEPT_OFFLINE
from tests.support.people.desk_pages import Pages, at_the_desk


def test_the_page_to_keep_is_the_same_for_everybody_and_no_cookie_goes_with_it():
    nobody = Pages().get("/safety")
    member = at_the_desk("ywca.worker")
    member.get("/desk/")
    with_session = member.get("/safety")
    assert with_session.content == nobody.content
    for answer in (nobody, with_session):
        assert answer.status_code == 200
        assert answer["Cache-Control"] == KEPT_OFFLINE
        assert "immutable" not in answer["Cache-Control"]
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")


def test_the_page_to_keep_needs_no_session_and_no_database():
    member = at_the_desk("ywca.worker")
    asked = []

    def refuse(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(refuse):
        assert member.get("/safety").status_code == 200
        assert asked == []
        member.get("/desk/directory")
    assert asked, "the wrapper saw nothing"


def test_the_page_to_keep_has_every_line_in_english_and_spanish_and_nothing_from_elsewhere():
    page = Pages().get("/safety").content.decode()
    for line in settings.SAFETY_LINES:
        for name in ("name", "phone", "note", "name_es"):
            assert line[name] in page
    assert settings.SAFETY_NOTICE in page
    assert settings.SAFETY_NOTICE_ES in page
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page)
    assert loaded == ["data:,", "/static/desk/safety.css", "/static/desk/leave.js"]
    for path in loaded[1:]:
        file = Pages().get(path)
        file.close()
        assert file["Cache-Control"] == KEPT_OFFLINE
    style = Pages().get("/static/desk/safety.css")
    assert not re.search(r"url\(|@import", b"".join(style.streaming_content).decode())


def test_nothing_but_the_page_to_keep_may_be_kept():
    for path in ("/", "/directory", "/safety/", "/problems/sealed", "/accounts/login"):
        assert Pages().get(path)["Cache-Control"] == "no-store", path
    assert Pages().http.post("/safety")["Cache-Control"] == "no-store"


def test_every_page_leads_to_the_page_to_keep():
    for path in ("/", "/directory", "/accounts/login", "/no-such-page", "/docs"):
        assert 'href="/safety"' in Pages().get(path).content.decode(), path
    assert 'href="/safety"' in at_the_desk("ywca.worker").get("/desk/").content.decode()


def test_a_notice_of_the_networks_own_is_not_contradicted_in_spanish(monkeypatch):
    monkeypatch.setattr(settings, "SAFETY_NOTICE", "In danger now? Call 999.")
    monkeypatch.setattr(settings, "SAFETY_NOTICE_ES", "")
    page = Pages().get("/safety").content.decode()
    assert "Call 999" in page
    assert 'class="notice"' not in page
