"""The pages of an agency's own entries in the directory."""

import re
from datetime import date

from api.desk.directory import entry_summary
from permissions.database.uuid7 import uuid7
from tests.desk.directory_pages import OURS, document_of, form_of
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, text_of


def test_the_entries_are_an_editors_of_the_agency_and_the_overdue_come_first(entry):
    editor = at_the_desk("ywca.editor")
    page = editor.get("/desk/entries").content.decode()
    names = re.findall(r'class="title"[^>]*>([^<]+)<', page)
    assert names[0] == "Night line of a test"
    assert {"Crisis line", "Emergency shelter"} <= set(names)
    assert "Campus advocate" not in names
    assert (
        f"Was due {entry_summary.day_words(entry_summary.review_due(date(2020, 2, 3)), year=True)}"
        in text_of(page)
    )
    assert at_the_desk("ywca.worker").get("/desk/entries").status_code == 403
    for who, status in (("ywca.worker", 403), ("police.lead", 403), ("sarc.lead", 403)):
        for end in ("", "/edit", "/history"):
            assert at_the_desk(who).get(f"/desk/entries/{entry}{end}").status_code == status, who
    assert editor.get(f"/desk/entries/{uuid7()}").status_code == 404


def test_a_service_is_paused_after_a_question_and_one_button_takes_it_up_again(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    asked = editor.submit(f"{path}/pause")
    assert "Pause until when?: Choose one." in text_of(asked.content)
    assert document_of(api, entry)["intake"] == "taking", "nothing without an answer"
    answer = editor.submit(f"{path}/pause", {"ends": "by_hand"})
    assert "Paused. No one can send it a referral." in text_of(answer.content)
    assert document_of(api, entry)["intake"] == "paused"
    assert "intake_paused_until" not in document_of(api, entry)
    assert "Not accepting clients right now" in text_of(Pages().get(f"/directory/{entry}").content)
    editor.submit("/desk/entries", {"paused": "no"}, f"{path}/pause")
    assert document_of(api, entry)["intake"] == "taking"


def test_a_pause_with_an_end_says_it_where_the_service_is_read(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    for at, why in (("", "Enter the day and the time."), ("2020-01-01T10:00", "in the past")):
        wrong = editor.submit(f"{path}/pause", {"ends": "at", "at": at})
        assert why in text_of(wrong.content)
    editor.submit(f"{path}/pause", {"ends": "at", "at": "2099-02-03T17:30"})
    assert document_of(api, entry)["intake_paused_until"] == "2099-02-04T00:30:00Z", "in Denver"
    words = "Not accepting clients right now (until Feb 3, 2099, 5:30 p.m.). Call to check."
    for page in (
        editor.get(path),
        editor.get("/desk/entries"),
        Pages().get(f"/directory/{entry}"),
        at_the_desk("police.worker").get(f"/desk/directory/{entry}"),
    ):
        shown = text_of(page.content).replace("\xa0", " ")
        assert words in shown, shown
    again = editor.get(f"{path}/pause").content.decode()
    assert 'value="2099-02-03T17:30"' in again, "its end can be changed"
    editor.submit(f"{path}/pause", {"ends": "by_hand"})
    assert "intake_paused_until" not in document_of(api, entry)


def test_the_room_is_a_number_a_unit_and_none_at_all_is_full(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    before = document_of(api, entry)["capacities"][0]
    too_many = editor.submit(path, {"free_0": "9"}, f"{path}/capacity")
    assert "less than or equal to 8" in text_of(too_many.content)
    editor.submit(path, {"free_0": "0"}, f"{path}/capacity")
    now = document_of(api, entry)
    assert (now["intake"], now["capacities"][0]["available"]) == ("full", 0)
    assert now["capacities"][0]["updated"] > before["updated"]
    both = {"free_0": "0", "unit": "rooms of a test", "available": "1"}
    editor.submit(path, both, f"{path}/capacity")
    found = {one["unit"]["name"]: one["available"] for one in document_of(api, entry)["capacities"]}
    assert found == {"beds of a test": 0, "rooms of a test": 1}


def test_checked_today_ends_the_warning(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    editor.submit(path, {}, f"{path}/checked")
    assert document_of(api, entry)["assured_date"] > "2026"
    assert "Not checked since" not in text_of(Pages().get(f"/directory/{entry}").content)


def test_the_form_sent_untouched_changes_nothing(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    before = document_of(api, entry)
    given = form_of(editor, path)
    assert given["phones-2-type"] == "pager", "what our list does not know stays"
    answer = editor.http.post(path, given | {"save": "1"}, follow=True)
    assert "Nothing was changed." in text_of(answer.content)
    assert document_of(api, entry) == before


def test_a_change_is_looked_at_and_a_new_number_rung_before_it_is_saved(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    given = form_of(editor, path) | {
        "wait_time": "Two hours",
        "phones-0-number": "406-555-0179",
        "phones-2-number": "",
        "schedules-0-closes_at": "23:00",
        "schedules-1-byday": ["SA", "SU"],
        "schedules-1-opens_at": "10:00",
        "schedules-1-closes_at": "12:00",
        "holiday_schedules-1-start_date": "2099-01-01",
    }
    page = editor.http.post(path, given | {"look": "1"})
    shown = text_of(page.content)
    assert "Call the new number before you save" in shown
    assert '<a class="reference" href="tel:4065550179">' in page.content.decode()
    assert "Two hours" in shown
    assert "406-555-0174 pager" in shown
    assert document_of(api, entry)["wait_time"] == "An hour", "nothing is saved by looking"
    before = document_of(api, entry)
    answer = editor.http.post(path, given | {"save": "1"}, follow=True)
    assert "Saved. Everyone can see it now." in text_of(answer.content)
    now = document_of(api, entry)
    assert [one["number"] for one in now["phones"]] == ["406-555-0179", "233700"]
    assert now["phones"][0]["id"] == before["phones"][0]["id"]
    hours = [(one.get("byday"), one["opens_at"], one.get("closes_at")) for one in now["schedules"]]
    assert hours == [
        ("MO,TU", "18:00:00", "23:00:00"),
        (None, "09:00:00", None),  # the monthly one, that the form is too simple for
        ("SA,SU", "10:00:00", "12:00:00"),
    ]
    assert [(one["start_date"], one["closed"]) for one in now["holiday_schedules"]] == [
        ("2099-12-24", True),
        ("2099-01-01", True),
    ]
    for kept in ("capacities", "contacts", "languages", "required_documents", "cost_options"):
        assert now[kept] == before[kept], kept


def test_a_new_number_of_no_kind_is_looked_at(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    given = form_of(editor, path) | {"phones-0-number": "406-555-0179", "phones-0-type": ""}
    page = editor.http.post(path, given | {"look": "1", "phones-0-description": ""})
    assert page.status_code == 200
    assert "Call the new number before you save" in text_of(page.content)


def test_what_the_domain_refuses_stands_at_its_field(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    for field, value, words in (
        ("phones-1-number", "no", "no telephone number"),
        ("description", "<script>", "without markup"),
        ("email", "nobody", "not an e-mail address"),
    ):
        given = form_of(editor, path) | {field: value, "save": "1"}
        page = editor.http.post(path, given)
        assert page.status_code == 400
        beside = re.search(rf'id="field-{field}">.*?</div>', page.content.decode(), re.S)
        assert beside, field
        assert words in beside[0].lower(), field
    assert document_of(api, entry)["description"] == "Invented for a test."


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(api, entry):
    editor, lead = at_the_desk("ywca.editor"), at_the_desk("ywca.lead")
    path = f"/desk/entries/{entry}"
    mine = form_of(editor, f"{path}/edit") | {"wait_time": "Mine"}
    buttons = editor.hidden(f"{path}/pause") | {"ends": "by_hand"}
    given = form_of(lead, f"{path}/edit") | {"wait_time": "Theirs", "save": "1"}
    lead.http.post(f"{path}/edit", given, follow=True)
    for button in ("look", "save"):
        answer = editor.http.post(f"{path}/edit", mine | {button: "1"})
        shown = text_of(answer.content)
        assert answer.status_code == 412
        assert "Another editor has changed this listing" in shown
        assert "Service updated : wait time" in shown
        assert "Mine" in shown
        assert "Theirs" in shown
    assert editor.http.post(f"{path}/pause", buttons | {"paused": "yes"}).status_code == 412
    now = document_of(api, entry)
    assert (now["wait_time"], now["intake"]) == ("Theirs", "taking")


def test_the_history_names_who_and_which_fields_and_no_words(api, entry):
    lead, path = at_the_desk("ywca.lead"), f"/desk/entries/{entry}"
    given = form_of(lead, f"{path}/edit") | {"fees_description": "Ten dollars", "save": "1"}
    lead.http.post(f"{path}/edit", given)
    page = text_of(at_the_desk("ywca.editor").get(f"{path}/history").content)
    first = page.partition("Service updated : ")[2]
    assert first.startswith("cost ")
    assert "Yara Sample" in first
    assert "Service created" in page
    assert "Ten dollars" not in page
    assert "Free" not in page


def test_a_confidential_address_is_sealed_by_the_editor_and_looked_at_in_the_log(api, nothing_left):
    place = uuid7()
    body = {"organization_id": str(OURS), "name": "House", "confidential": True}
    assert api("ywca.editor").put(f"/v1/directory/locations/{place}", body).status_code == 201
    path = f"/desk/places/{place}/address"
    editor, worker = at_the_desk("ywca.editor"), at_the_desk("ywca.worker")
    assert "Share only with those who need it" not in text_of(worker.submit(path).content)
    given = {"address_1": "3 Quiet Court", "city": "Missoula"}
    kept = editor.submit(f"{path}/put", given)
    assert "3 Quiet Court" not in kept.content.decode(), "not shown by keeping it"
    assert "Each view is recorded in the access log." in text_of(worker.get(path).content)
    assert "3 Quiet Court" not in worker.get(path).content.decode()
    assert "3 Quiet Court" in text_of(worker.submit(path).content)
    log = text_of(at_the_desk("ywca.auditor").get("/desk/access-log?act=address.open").content)
    assert "Yve Example" in log
    assert "3 Quiet Court" not in log
    for who, asks in (("police.worker", 404), ("sarc.lead", 404), ("ywca.auditor", 404)):
        assert at_the_desk(who).http.get(path).status_code in (200, asks), who
        shown = at_the_desk(who)
        token = shown.hidden("/desk/directory", "/accounts/logout")
        assert "3 Quiet Court" not in shown.http.post(path, token).content.decode(), who
    assert at_the_desk("ywca.worker").get(f"{path}/put").status_code == 403
    editor.submit(f"{path}/put", {"remove": "1"})
    assert "Your agency keeps no address here." in text_of(worker.submit(path).content)
