"""The auditor's desk: files, the seals and their check."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from permissions.ledger import status
from tests.desk.audit_log import LOG
from tests.desk.audit_log import worked_on as worked_on  # a fixture
from tests.support.people.access_log import the_log_is_full
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.seals import seal
from tests.support.people.stories import PACKET, Story


def test_the_page_gives_what_it_shows_as_a_file(worked_on: Story) -> None:
    auditor = at_the_desk("ywca.auditor")
    query = {"act": "referral.open_packet", "referral": worked_on.id}
    page = auditor.get(LOG, query).content.decode()
    asked = f"act=referral.open_packet&amp;referral={worked_on.id}"
    link = f"{LOG}/export?{asked}&amp;format=csv"
    assert f'href="{link}"' in page
    assert "Download all results: as a table (CSV)" in text_of(page)
    answer = auditor.get(link.replace("&amp;", "&"))
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["member_name"], row["purpose"]) == ("Yve Example", "safety")
    assert not any(value in text for value in PACKET.values())
    wrong = auditor.get(f"{LOG}/export", {"format": "csv", "subject": "no id"})
    assert wrong.status_code == 400, "never more than was asked for"
    assert auditor.get(f"{LOG}/export", {"format": "xlsx"}).status_code == 404


def test_who_had_it_in_her_lists_is_a_file_too(worked_on: Story, superuser: Any) -> None:
    """The file of the entries does not hold it: a list is an entry of many referrals."""
    auditor = at_the_desk("ywca.auditor")
    page = auditor.get(LOG, {"referral": worked_on.id}).content.decode()
    link = f"{LOG}/export?referral={worked_on.id}&amp;of=lists&amp;format="
    for kind, read in (
        ("csv", lambda text: csv.DictReader(io.StringIO(text, newline=""))),
        ("ndjson", lambda text: map(json.loads, text.splitlines())),
    ):
        assert f'href="{link}{kind}"' in page
        answer = auditor.get(f"{link}{kind}".replace("&amp;", "&"))
        (row,) = read(answer.content.decode("utf-8-sig"))
        assert (row["member_name"], int(row["times"])) == ("Yoko Specimen", 1)
        with superuser.cursor() as cursor:
            asked = [answer["X-Request-Id"]]
            cursor.execute("SELECT act FROM access_entry WHERE request_id = %s", asked)
            assert cursor.fetchall() == [("access_log.export",)]
    for query in ({"of": "lists"}, {"of": "both", "referral": worked_on.id}):
        refused = auditor.get(f"{LOG}/export", query | {"format": "csv"})
        assert refused.status_code in (400, 404)
    assert at_the_desk("ywca.worker").get(f"{link}csv".replace("&amp;", "&")).status_code == 403


def test_without_its_entry_no_page_of_the_log_is_shown() -> None:
    auditor, admin = at_the_desk("ywca.auditor"), at_the_desk("ywca.admin")
    pages = (LOG, f"{LOG}/export?format=csv", f"{LOG}/counts", f"{LOG}/seals", f"{LOG}/readers")
    with the_log_is_full():
        answers = [*(auditor.get(path) for path in pages), admin.get(f"{LOG}/readers")]
        refused = at_the_desk("ywca.worker").get("/desk/entries")
    for answer in (*answers, refused):
        assert answer.status_code == 503
        assert "Call the service instead" in text_of(answer.content) or answer["Retry-After"]


def test_the_seals_are_checked_by_a_button(worked_on: Story) -> None:
    auditor = at_the_desk("taskforce.auditor")
    assert "Newest checkpoint" in text_of(auditor.get(f"{LOG}/seals").content)
    answer = auditor.submit(f"{LOG}/seals")
    assert "As it was sealed. Checkpoints" in text_of(answer.content)
    assert at_the_desk("ywca.worker").get(f"{LOG}/seals").status_code == 403


def test_of_a_checkpoint_too_large_to_be_hashed_the_page_does_not_say_that_it_was(
    worked_on: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "MOST_ENTRIES_HASHED", 0)
    shown = text_of(at_the_desk("ywca.auditor").submit(f"{LOG}/seals").content)
    assert "Except for the checkpoints named below, each entry is there unchanged" in shown
    assert "holds too many entries for this page" in shown


def test_the_page_of_the_seals_says_who_does_not_do_her_part(
    worked_on: Story, superuser: Any, shift_clock: Any
) -> None:
    def told() -> str:
        return text_of(at_the_desk("ywca.auditor").get(f"{LOG}/seals").content)

    seal()
    assert "does not keep up" not in told()
    at_the_desk("ywca.auditor").get(LOG)
    shift_clock("2 minutes")
    assert "The sealer does not keep up, or does not run." in told()
    watched = (
        "UPDATE log_watch SET faults = 1, at = now(), seq = {}, first_fault = {} WHERE what = {}"
    )
    undo = "UPDATE log_watch SET faults = 0, at = NULL, seq = 0, first_fault = NULL"
    fault = "'entries were changed, checkpoints 1 to 2'"
    superuser.autocommit = True
    with superuser.cursor() as cursor:
        try:
            cursor.execute(watched.format(1, "NULL", "'witness'"))
            assert "This is not the log that the witness saw" in told()
            assert "Holds checkpoint 1" in told()
            cursor.execute(watched.format(2, fault, "'new'"))
            assert "entries were changed, checkpoints 1 to 2 (1 in all)" in told()
            cursor.execute(undo)
            assert "Holds nothing yet" in told()
            assert "It does not follow" in told(), "nor does a witness that never was"
        finally:
            cursor.execute(undo)
    seal()


def test_an_auditor_takes_from_the_page_what_she_needs_to_check_the_log_herself(
    worked_on: Story, tmp_path: Path
) -> None:
    seal()
    auditor = at_the_desk("ywca.auditor")
    page = auditor.get(f"{LOG}/seals").content.decode()
    for name, address in (
        ("verifier.py", "/v1/access-log/verifier.py"),
        ("keys.json", "/v1/access-log/keys"),
        ("access-log-sealed.txt", f"{LOG}/export?format=sealed"),
    ):
        assert f'href="{address}"' in page
        answer = auditor.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        (tmp_path / name).write_bytes(content)
    (command,) = re.findall(r"<code>python (.*)</code>", page)
    told = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (told.returncode, "As it was sealed." in told.stdout) == (0, True), told.stdout
    refused = auditor.get(f"{LOG}/export", {"format": "sealed", "decision": "refused"})
    assert refused.status_code == 400
