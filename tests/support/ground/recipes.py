"""The recipes of CONTRIBUTING as edits of files: where a text goes, and how many files at most."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Insert(NamedTuple):
    """`text` goes right after `after`, which the file holds once; after '', at its end."""

    after: str
    text: str


CONTRACT = "openapi/v1.yaml"  # written by `make openapi`
CATALOGUE = "permissions/sql/catalogue.txt"  # written by `make schema`


class Recipe(NamedTuple):
    """`at_most` files are edited by hand, or made. The commands of `manage.py` may write `written`,
    which are patterns of names."""

    what: str
    at_most: int
    edits: Mapping[str, tuple[Insert, ...]]
    commands: tuple[tuple[str, ...], ...] = (("openapi",),)
    written: tuple[str, ...] = (CONTRACT,)


ACT = '''

@act(
    Rule(None, Who.ASSIGNEE),
    Move(None, TAKEN),
    repeat=Repeat.KEYED,
    summary="Check in with the survivor.",
    description="Notes that a member of your agency checked in. The other agency is shown nothing.",
    body=Body([Code("result", codes.ATTEMPT, question="How did it go?")]),
    history="Checked in with them",
    page=Page(
        offer="You checked in",
        title="You checked in",
        says="Only your agency sees it.",
        button="Save",
        done="The check-in is saved.",
    ),
)
def check_in(
    principal: Principal,
    referral_id: UUID,
    result: str,
    *,
    if_match: str | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Record that a member of the recipient checked in, for its own side only. Twice is two, with
    an Idempotency-Key one."""
    codes.check("attempt", result)
    with act_transaction(principal, "check_in", referral_id, if_match, key=key) as current:
        if not current.repeated:
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
SPANISH = "api/locale/es/LC_MESSAGES/django.po"
COMPILED = "api/locale/*/LC_MESSAGES/django.mo"

ESPERANTO = """# Esperanto
msgid ""
msgstr ""
"Language: eo\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"X-Cairn-Offers: desk, papers\\n"

msgid "Sign in"
msgstr "Ensaluti"

msgid "Emergency shelter"
msgstr "Urĝa rifuĝejo"

msgid "My permission to share"
msgstr "Mia permeso kunhavigi"

msgid "There is nothing here that you may see."
msgstr "Ĉi tie estas nenio, kion vi rajtas vidi."

msgid "{days} day"
msgid_plural "{days} days"
msgstr[0] "{days} tago"
msgstr[1] "{days} tagoj"
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
                    '    PacketField(\n        "employer",\n        "Employer",\n'
                    '        "Where I work",\n'
                    '        hint="Never call there.",\n        since="9999-12-31",\n    ),\n',
                ),
            ),
            SPANISH: (
                Insert("", '\nmsgid "Where I work"\nmsgstr "Dónde trabajo"\n'),
                Insert("", '\nmsgid "Employer"\nmsgstr "Empleo"\n'),
            ),
        },
        (("openapi",), ("translations",)),
        (CONTRACT, COMPILED),
    ),
    Recipe(
        "a code",
        1,
        {
            "referrals/codes.py": (
                Insert(
                    "DECLINE: Labels = {\n",
                    '    "closed_today": "Closed today",\n',
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
    Recipe(
        "a language",
        1,
        {"api/locale/eo/LC_MESSAGES/django.po": (Insert("", ESPERANTO),)},
        (("translations",),),
        (COMPILED,),
    ),
    Recipe(
        "a role",
        1,
        {
            "permissions/models/agencies.py": (
                Insert('ROLES = ("worker", "lead", ', '"volunteer", '),
            )
        },
        (("makemigrations", "permissions", "--name", "a_role"),),
        ("permissions/migrations/*_a_role.py",),
    ),
)
# What a copy with all of them does, asked of it by its own tests, on a database of its own.
PROBE = '''
"""Whether what the recipes added works: over HTTP, at the desk, in the contract, in the log."""

from typing import Any

from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import Story


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
    assert "How did it go?" in text_of(pages.get(f"{address}/check_in").content)
    done = pages.submit(f"{address}/check_in", {"result": "connected"})
    assert "The check-in is saved." in text_of(done.content)
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
    assert codes["version"] == "9999-12-31", "the day of the packet field, later than any"
    assert codes["lists"]["decline"][0]["es"] == "Closed today", "until it is translated"


def test_the_language(story: Story, api: Any) -> None:
    story.accept()
    pages = Pages()
    asked = {"Accept-Language": "eo, en;q=0.5"}
    home = pages.http.get("/", headers=asked)
    assert "Ensaluti" in text_of(home.content)
    assert '<html lang="eo">' in home.content.decode()
    assert "Esperanto" in text_of(home.content), "in the list of languages"
    officer, address = at_the_desk("police.worker"), f"/desk/referrals/{story.id}"
    assert officer.submit("/", {"language": "eo"}, action="/language").status_code == 200
    shown = officer.get(f"/desk/referrals/new?service={story.service_id}").content
    assert "Urĝa rifuĝejo" in text_of(shown)
    assert "tagoj" in text_of(officer.get(f"{address}/put_release?step=2").content)
    none = f"referrals/{story.id[:-4]}0000"
    assert "Ĉi tie estas nenio" in text_of(officer.get(f"/desk/{none}").content)
    in_english = api("police.worker").get(f"/v1/{none}").json()
    assert in_english["detail"] == "There is nothing here that you may see."
    paper = at_the_desk("police.worker").get(f"{address}/release_paper", {"language": "eo"})
    assert "Mia permeso kunhavigi" in text_of(paper.content)
    assert '<article class="sheet" lang="eo">' in paper.content.decode()


def test_the_role(api: Any) -> None:
    def has(role: str) -> None:
        admin = at_the_desk("ywca.admin")
        path = f"/desk/members/{member_id('ywca.editor')}/roles"
        assert admin.submit(path, {"roles": [role]}, follow=False).status_code == 302

    has("volunteer")
    try:
        pages = at_the_desk("ywca.editor")
        assert "Workers and leads handle them." in text_of(pages.get("/desk/").content)
        assert "Find a service" in text_of(pages.get("/desk/directory").content)
        assert api("ywca.editor").get("/v1/referrals").json()["items"] == []
        for path in ("/v1/access-log", "/v1/webhooks", "/v1/events"):
            assert api("ywca.editor").get(path).status_code == 403, path
    finally:
        has("directory_editor")


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
        if not path.exists():  # the first of its folder
            path.parent.mkdir(parents=True)
            path.touch()
        for after, text in inserts:
            before = path.read_text()
            assert after == "" or before.count(after) == 1, (name, after)
            at = before.index(after) + len(after) if after else len(before)
            path.write_text(before[:at] + text + before[at:])
