"""The recipes of CONTRIBUTING as edits of files: where a text goes, and how many files at most."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Insert(NamedTuple):
    """`text` goes right after `after`, which the file holds once; after '', at its end."""

    after: str
    text: str


class Recipe(NamedTuple):
    """`at_most` files are edited by hand; commands write the contract and the catalogue."""

    what: str
    at_most: int
    edits: Mapping[str, tuple[Insert, ...]]


ACT = '''

@act(
    Rule(None, Who.ASSIGNEE),
    Move(None, TAKEN),
    summary="Check in with the survivor.",
    description="Notes that somebody of your agency checked in. The other agency is shown nothing.",
    body=Body([Code("result", codes.ATTEMPT, question="How did it go")]),
    history="Checked in with them",
    page=Page(
        offer="You checked in",
        title="You checked in",
        says="For your own agency alone.",
        button="Keep it",
        done="It is kept.",
    ),
)
def check_in(
    principal: Principal, referral_id: UUID, result: str, *, if_match: str | None = None
) -> Detail:
    """Somebody of the recipient checked in. Its own side's alone. Twice is two."""
    codes.check("attempt", result)
    with act_transaction(principal, "check_in", referral_id, if_match) as current:
        current.change_own()
        current.event(other_side_sees=False)
    return current.answer()
'''

URGENCY = """    urgency: str | None = field(
        default=None,
        metadata=_asked(Kind.CODE, "", lambda box, value: "urgency = %(urgency)s", URGENCY),
    )
"""
LANGUAGE = """    language: str | None = field(
        default=None,
        metadata=_asked(Kind.CODE, "", lambda box, value: "language = %(language)s", LANGUAGE),
    )
"""
RECIPES = (
    Recipe("an act", 3, {"referrals/acts/handoff.py": (Insert("", ACT),)}),
    Recipe(
        "a packet field",
        2,
        {
            "referrals/packet_fields.py": (
                Insert(
                    "FIELDS = (\n",
                    '    PacketField(\n        "employer",\n        ("Employer", "Empleo"),\n'
                    '        ("Where I work", "Dónde trabajo"),\n'
                    '        hint="Never call there.",\n        since="2027-01-31",\n    ),\n',
                ),
            )
        },
    ),
    Recipe(
        "a code",
        1,
        {
            "referrals/codes.py": (
                Insert(
                    "DECLINE: Labels = {\n",
                    '    "closed_today": ("Closed today", "Cerrado hoy"),\n',
                ),
            )
        },
    ),
    Recipe(
        "a list filter",
        2,
        {
            "referrals/queries/list_filters.py": (
                Insert("from referrals.codes import ", "LANGUAGE, "),
                Insert(URGENCY, LANGUAGE),
            )
        },
    ),
)
CONTRACT = "openapi/v1.yaml"  # written by `make openapi`
CATALOGUE = "permissions/sql/catalogue.txt"  # written by `make schema`

# What a copy with all of them does, asked of it by its own tests, on a database of its own.
PROBE = '''
"""Whether what the recipes added works: over HTTP, at the desk, in the contract, in the log."""

from typing import Any

from tests.support.desk_pages import at_the_desk, text_of
from tests.support.stories import Story


def test_the_act(story: Story, api: Any, superuser: Any) -> None:
    story.accept()
    advocate = api("ywca.worker")
    assert "check_in" in advocate.get(f"/v1/referrals/{story.id}").json()["acts"]
    assert advocate.act(story.id, "check_in", {"result": "nonsense"}).status_code == 400
    assert advocate.act(story.id, "check_in", {"result": "connected"}).status_code == 200
    officer = api("police.worker")
    assert officer.act(story.id, "check_in", {"result": "connected"}).status_code == 403
    pages, address = at_the_desk("ywca.worker"), f"/desk/referrals/{story.id}"
    assert "You checked in" in text_of(pages.get(address).content)
    assert "How did it go" in text_of(pages.get(f"{address}/check_in").content)
    done = pages.submit(f"{address}/check_in", {"result": "connected"})
    assert "It is kept." in text_of(done.content)
    assert "Checked in with them" in text_of(pages.get(f"{address}/history").content)
    log = at_the_desk("ywca.auditor").get("/desk/access-log", {"act": "referral.check_in"})
    assert "Checked in with them" in text_of(log.content)
    moves = {one["act"]: one for one in api(None).get("/v1/referrals/transitions").json()["items"]}
    assert moves["check_in"]["to_states"] == ["accepted", "in_handoff"]
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT decision, count(*) FROM access_entry WHERE act = 'referral.check_in'"
            " GROUP BY decision ORDER BY 1"
        )
        assert cursor.fetchall() == [("allowed", 2), ("refused", 1)]


def test_the_packet_field(story: Story, api: Any) -> None:
    story.accept().release("name", "employer").packet(name="Invented Person", employer="A shop")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["packet"] == {"name": "Invented Person", "employer": "A shop"}
    address = f"/desk/referrals/{story.id}"
    pages = at_the_desk("police.worker")
    for name in ("put_packet", "put_release", "releases"):
        assert "Employer" in text_of(pages.get(f"{address}/{name}").content), name
    assert "Never call there." in text_of(pages.get(f"{address}/put_packet").content)
    assert "Where I work" in text_of(pages.get(f"{address}/release_paper").content)
    spanish = pages.get(f"{address}/release_paper", {"language": "es"})
    assert "Dónde trabajo" in text_of(spanish.content)
    shown = pages.submit(f"{address}/open_packet", {"purpose": "review"})
    assert "A shop" in text_of(shown.content)


def test_the_code(story: Story, api: Any) -> None:
    story.send().answers("decline", {"code": "closed_today"})
    assert api("police.worker").get(f"/v1/referrals/{story.id}").json()["code"] == "closed_today"
    history = at_the_desk("police.worker").get(f"/desk/referrals/{story.id}/history")
    assert "Closed today" in text_of(history.content)
    codes = api(None).get("/v1/codes").json()
    assert codes["version"] == "2027-01-31", "the day of the packet field"
    assert codes["lists"]["decline"][0]["es"] == "Cerrado hoy"


def test_the_filter(story: Story, api: Any) -> None:
    story.create(language="es")
    caller = api("police.worker")
    for code, count in (("es", 1), ("fr", 0)):
        found = caller.get("/v1/referrals", {"language": code}).json()["items"]
        assert len(found) == count, code
    assert caller.get("/v1/referrals", {"language": "klingon"}).status_code == 400
'''


def edit(copy: Path, recipe: Recipe) -> None:
    """Do what the recipe says, in a copy of the repository. Raises AssertionError where a place is
    gone."""
    for name, inserts in recipe.edits.items():
        path = copy / name
        for after, text in inserts:
            before = path.read_text()
            assert after == "" or before.count(after) == 1, (name, after)
            at = before.index(after) + len(after) if after else len(before)
            path.write_text(before[:at] + text + before[at:])
