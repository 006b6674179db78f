"""No answer depends on how rows lie in their tables: what is shown has an order of its own.

An update, a vacuum or another plan moves rows. A page that moved with them would reveal acts that
its reader must not know of (R2), and a list would differ each time it is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connections

from tests.support.ground.short_form import in_both_forms
from tests.support.people.callers import Caller, member_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.notifications import DUTY
from tests.support.people.notifications import keep as keep_channel
from tests.support.people.stories import PACKET, Story, phone_only
from tests.support.proofs import routes
from tests.support.proofs.sender_bytes import as_bytes, as_page
from tests.support.servers.webhook_receiver import receivers

PEOPLE = ("police.worker", "police.lead", "police.admin", "ywca.worker", "ywca.lead", "ywca.admin")
# These differ each time: each read is an entry of the log, which the next page of it shows; a feed
# seals a new cursor each time; and some addresses end a session.
MOVES_BY_ITSELF = (
    *("metrics", "health", "demo"),  # of the server itself: figures, health, its time
    *("v1/access-log", "v1/barred-attempts", "desk/access-log", "desk/told"),
    *("v1/events", "v1/directory/changes", "accounts/", "leave", "desk/agency"),
    "desk/account",  # where they are signed in, which this test adds to
)
WAYS = ("indexscan", "indexonlyscan", "bitmapscan", "mergejoin", "nestloop")
READERS = ("police.worker", "ywca.admin")  # of each document of the directory: one edits it
OF_THE_DIRECTORY = {  # and the list on which its ids are found
    "service_id": "services",
    "organization_id": "organizations",
    "place_id": "service_at_locations",
    "taxonomy_id": "taxonomies",
    "term_id": "taxonomy_terms",
}


@in_both_forms
def test_what_is_shown_does_not_move_with_the_rows(
    short: bool, story: Story, api: Any, superuser: Any, settings: Any, shift_clock: Any
) -> None:
    # Ten past: what opens or closes on the hour, or half past, has done so on both pages.
    shift_clock(f"{(70 - datetime.now(UTC).minute) % 60} minutes")
    with receivers(settings) as (hook,):
        known = something_of_everything(story, api, hook.url)
    before = everything(api, known, short)
    least = 100 / len(PEOPLE) if short else 100
    for floor in ("/v1/", "/desk/"):
        assert sum(at[1].startswith(floor) and a[0] == 200 for at, a in before.items()) > least, (
            floor
        )
    assert turned_over(superuser) > 40
    with by_other_plans():
        after = everything(api, known, short)
    assert [key for key, answer in before.items() if after[key] != answer] == []


def something_of_everything(story: Story, api: Any, url: str) -> list[dict[str, str]]:
    """Several rows of whatever an agency, a referral or a service has several of; their ids."""
    for number in range(3):
        keep_channel(api, "ywca.worker", "mail", f"own{number}@ywca.invalid")
        hook = api("police.admin").post("/v1/webhooks", {"url": f"{url}{number}"}).json()
        call = {"service_id": phone_only(), "outcome": "reached", "put_through": True}
        assert api("police.worker").post("/v1/call-records", call).status_code == 201
    keep_channel(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    others = [shown_her_name(Story(api, story.service_id)).id for _ in range(3)]
    shown_her_name(story.send().answers("acknowledge"))
    for act, short in (("assign", "lead"), ("assign", "worker2"), ("block", "admin")):
        story.answers(act, {"member_id": str(member_id(f"ywca.{short}"))})
    story.release("phone", "name").packet(phone=PACKET["phone"], name=PACKET["name"])
    for number, other in enumerate(others):
        story.answers("add_note", {"text": f"an invented note {number}"})
        story.answers("record_attempt", routes.BODIES["record_attempt"])
        story.answers("same_person_as", {"referral_id": other})
    ids = {"referral_id": story.id, "webhook_id": hook["id"]}
    return [ids, *of_the_directory(api("ywca.admin"))]


def shown_her_name(story: Story) -> Story:
    story.accept().release("name").packet(name=PACKET["name"])
    return story.answers("open_packet", {"purpose": "intake"})


def of_the_directory(caller: Caller) -> Iterator[dict[str, str]]:
    for name, listed in OF_THE_DIRECTORY.items():
        for one in caller.get(f"/v1/directory/{listed}", {"per_page": "5"}).json()["contents"]:
            yield {name: one["id"]}


def everything(api: Any, known: list[dict[str, str]], short: bool) -> dict[tuple[str, str], Any]:
    """Every address that answers GET, at everything known, as each of them sees it; in short, as
    one of them does, in turn."""
    found, of_all, every = {}, sorted(addresses(known[:1])), sorted(addresses(known))
    for turn, who in enumerate(PEOPLE):
        caller, pages = api(who), at_the_desk(who)
        asked = every if who in READERS else of_all
        for address in asked[turn :: len(PEOPLE)] if short else asked:
            of_api = address.startswith(("/v1/", "/fhir"))
            got = caller.get(address) if of_api else pages.get(address)
            found[who, address] = (as_bytes if of_api else as_page)(got)
    return found


def addresses(known: list[dict[str, str]]) -> set[str]:
    found = {
        routes.filled(route, **ids)
        for route, pattern in routes.served()
        if "GET" in routes.methods_of(pattern) and not route.startswith(MOVES_BY_ITSELF)
        for ids in known
    }
    return {address for address in found if routes.NOWHERE not in address}


@contextmanager
def by_other_plans() -> Iterator[None]:
    """Yield while plans use no index where that is possible, as new statistics may cause."""
    for alias in connections:
        with connections[alias].cursor() as cursor:
            for way in WAYS:
                cursor.execute(f"SET enable_{way} = off")
    try:
        yield
    finally:
        for alias in connections:
            connections[alias].close()


def turned_over(superuser: Any) -> int:
    """Move the last row of every table to the front, except in tables that no one may change (the
    log). Returns how many tables have more than one row."""
    turn, several = ["BEGIN", "SET LOCAL session_replication_role = replica"], []
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text, string_agg(quote_ident(attname), ', ')"
            " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition"
            " AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = attrelid AND tgenabled = 'A')"
            " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' GROUP BY 1"
        )
        for table, columns in cursor.fetchall():
            cursor.execute(f"SELECT count(*) > 1 FROM {table}")
            if cursor.fetchone()[0]:
                several.append(table)
            turn += [
                f"CREATE TEMP TABLE lay AS TABLE {table}",
                f"DELETE FROM {table}",
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
                f" SELECT {columns} FROM lay ORDER BY ctid DESC",
                "DROP TABLE lay",
            ]
        cursor.execute("; ".join([*turn, "COMMIT"]))
        cursor.execute(f"VACUUM {', '.join(several)}")  # for tests that count pages
    return len(several)
