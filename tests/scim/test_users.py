"""What an identity provider does about its agency's people, and what it may not."""

from typing import Any

import pytest

from permissions.models import Membership
from tests.enrollment.links import NEW, at_the_desk_of, joined, ywca
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.scim.provider import (
    NIA,
    PATCH_OP,
    USERS,
    Provider,
    active,
    link_sent,
    make_token,
    refusal,
)
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk

LAST = (
    "SELECT act, decision, rule, client_id IS NOT NULL, member_id IS NULL, fields"
    " FROM access_entry WHERE act LIKE 'scim.%' ORDER BY xact DESC, id DESC LIMIT 1"
)


@pytest.fixture
def provider(network: Any) -> Provider:
    return Provider(make_token())


def nia() -> Membership:
    return Membership.objects.using("signin").get(person__username=NEW)


def test_whom_it_invites_joins_as_a_worker_and_stays_the_same_user(
    provider: Provider, superuser: Any
) -> None:
    made = provider.invite()
    assert made.status_code == 201, made.content
    user = made.json()
    assert made["Location"].endswith(f"{USERS}/{user['id']}")
    assert (user["userName"], user["externalId"]) == (NIA["userName"], NIA["externalId"])
    assert user["active"] is True
    assert "emails" not in user
    [entry] = rows(superuser, LAST)
    assert entry[:5] == ("scim.invite", "allowed", None, True, True)
    joined(link_sent())
    assert (nia().name, nia().roles, nia().agency_id) == ("Nia Newcomer", ["worker"], ywca())
    assert provider.get(f"{USERS}/{user['id']}").json() == user
    page = at_the_desk("ywca.admin").get("/desk/agency/changes").content.decode()
    assert "Invited someone, by the identity provider" in page
    assert "Identity provider (SCIM)" in page


@pytest.mark.parametrize("way", ["patch", "entra", "pathless", "put", "delete"])
def test_it_ends_a_member_at_once(provider: Provider, way: str, superuser: Any) -> None:
    user = provider.invite().json()
    joined(link_sent())
    pages = at_the_desk_of(NEW)
    assert pages.get("/desk/").status_code == 200
    whole = NIA | {"active": False}
    ended = {
        "patch": lambda: provider.patch(user["id"], active(False)),
        "entra": lambda: provider.patch(
            user["id"], {"op": "Replace", "path": "active", "value": "False"}
        ),
        "pathless": lambda: provider.patch(
            user["id"], {"op": "replace", "value": {"ACTIVE": False, "title": "x"}}
        ),
        "put": lambda: provider.put(user["id"], whole),
        "delete": lambda: provider.delete(user["id"]),
    }[way]
    first = ended()
    assert first.status_code == (204 if way == "delete" else 200), first.content
    assert not nia().live
    assert pages.get("/desk/").status_code == 302, "signed out"
    [entry] = rows(superuser, LAST)
    assert (entry[0], entry[5]) == ("scim.end", [f"member:{nia().id.hex}"])
    again = ended()
    assert again.status_code == (404 if way == "delete" else 200), "twice"
    if way != "delete":
        assert again.json()["active"] is False
        back = provider.patch(user["id"], active(True))
        assert refusal(back)[:2] == (409, "")
        assert not nia().live


def test_it_ends_an_invitation(provider: Provider) -> None:
    user = provider.invite().json()
    link = link_sent()
    assert provider.patch(user["id"], active(False)).json()["active"] is False
    assert provider.patch(user["id"], active(False)).status_code == 404, "there is no one"
    from tests.enrollment.links import opened

    assert "ended" in opened(link).get("/join").content.decode()
    assert provider.invite().status_code == 201, "the name is free again"


@pytest.mark.parametrize(
    "role", ["lead", "agency_admin", "auditor", "coordinator", "directory_editor", "root"]
)
def test_it_gives_no_role(provider: Provider, role: str, superuser: Any) -> None:
    before = rows(superuser, "SELECT count(*) FROM permissions_invitation")
    answer = provider.invite(roles=[{"value": "worker"}, {"value": role}])
    status, _kind, detail = refusal(answer)
    assert status == 403
    assert "gives no one a role" in detail
    assert rows(superuser, "SELECT count(*) FROM permissions_invitation") == before
    [entry] = rows(superuser, LAST)
    assert entry[:3] == ("scim.invite", "refused", "role_not_given")
    worker = str(member_id("ywca.worker"))
    for op in ("add", "replace"):
        given = {"op": op, "path": "roles", "value": [{"value": role}]}
        assert provider.patch(worker, given).status_code == 403
    whole = {"userName": "w", "roles": [role]}
    assert provider.put(worker, whole).status_code == 403
    kept = Membership.objects.using("signin").get(id=worker)
    assert role not in kept.roles


def test_it_takes_roles_away_and_cuts_the_sessions(provider: Provider) -> None:
    user = provider.invite().json()
    joined(link_sent())
    admin = at_the_desk("ywca.admin")
    admin.submit(f"/desk/members/{nia().id}/roles", {"roles": ["worker", "lead"]})
    pages = at_the_desk_of(NEW)
    one = {"op": "remove", "path": 'roles[value eq "lead"]'}
    answer = provider.patch(user["id"], one)
    assert answer.json()["roles"] == [{"value": "worker"}]
    assert nia().roles == ["worker"]
    assert pages.get("/desk/").status_code == 302
    assert refusal(provider.patch(user["id"], one))[:2] == (400, "noTarget")
    none = {"op": "remove", "path": "roles"}
    assert refusal(provider.patch(user["id"], none))[:2] == (400, "invalidValue")


def test_it_never_ends_the_last_administrator(provider: Provider) -> None:
    admins = [one for one in provider.found() if {"value": "agency_admin"} in one["roles"]]
    assert len(admins) == 1, "one in the demo network"
    user_id = admins[0]["id"]
    for answer in (
        provider.patch(user_id, active(False)),
        provider.put(user_id, {"userName": "a", "active": False}),
        provider.delete(user_id),
    ):
        status, _kind, detail = refusal(answer)
        assert status == 409
        assert "no administrator" in detail
    assert Membership.objects.using("signin").get(id=user_id).live


def test_no_one_of_another_agency_is_there(provider: Provider) -> None:
    listed = {one["id"] for one in provider.found()}
    own = Membership.objects.using("signin").filter(agency_id=ywca(), live=True)
    assert listed == {str(one.id) for one in own}
    elsewhere, random = str(member_id("police.worker")), "01890000-0000-7000-8000-0000000000aa"
    for do in (
        lambda one: provider.get(f"{USERS}/{one}"),
        lambda one: provider.patch(one, active(False)),
        lambda one: provider.put(one, {"userName": "x", "active": False}),
        lambda one: provider.delete(one),
    ):
        theirs, none = do(elsewhere), do(random)
        assert theirs.status_code == none.status_code == 404
        assert theirs.content == none.content
    assert Membership.objects.using("signin").get(id=elsewhere).live
    assert provider.get(f"{USERS}/no-id").status_code == 404


def test_it_finds_by_either_name_and_page_by_page(provider: Provider) -> None:
    user = provider.invite().json()
    assert provider.found(filter='userName eq "NIA@newcomer.invalid"') == [user]
    assert provider.found(filter='externalid EQ "00u1nia"') == [user]
    assert provider.found(filter='externalId eq "00U1NIA"') == []
    assert provider.found(filter=f'id eq "{user["id"]}"') == [user]
    for wrong in ('userName sw "n"', "userName eq nia", 'userName eq "\\x"', "", "a" * 2000):
        assert refusal(provider.get(filter=wrong))[:2] == (400, "invalidFilter"), wrong
    everyone = provider.get().json()
    seen: list[str] = []
    for first in range(1, everyone["totalResults"] + 1, 2):
        page = provider.get(startIndex=first, count=2).json()
        assert page["totalResults"] == everyone["totalResults"]
        assert page["startIndex"] == first
        seen += [one["id"] for one in page["Resources"]]
    assert seen == [one["id"] for one in everyone["Resources"]]
    assert provider.get(count=0).json()["Resources"] == []
    assert provider.get(startIndex=-3, count=1).json()["startIndex"] == 1
    assert provider.get(startIndex=10**8).json()["Resources"] == []
    assert refusal(provider.get(count="many"))[:2] == (400, "invalidValue")
    assert refusal(provider.get(count="9" * 40))[:2] == (400, "invalidValue")
    only = provider.get(f"{USERS}/{user['id']}", attributes="userName").json()
    assert set(only) == {"schemas", "id", "userName"}
    assert "roles" not in provider.get(f"{USERS}/{user['id']}", excludedAttributes="roles").json()


def test_a_name_is_one_persons(provider: Provider) -> None:
    assert provider.invite().status_code == 201
    same = {"externalId": "another"}, {"userName": "another@newcomer.invalid"}
    for one in same:
        assert refusal(provider.invite(**one))[:2] == (409, "uniqueness")
    worker = str(member_id("ywca.worker"))
    given = {"op": "add", "path": "externalId", "value": "00u1nia"}
    assert refusal(provider.patch(worker, given))[:2] == (409, "uniqueness")
    named = provider.patch(worker, given | {"value": "00u2"}).json()
    assert (named["id"], named["userName"], named["externalId"]) == (worker, worker, "00u2")
    renamed = provider.put(worker, {"userName": "yve@ywca.invalid", "displayName": "Mallory"})
    assert renamed.json()["userName"] == "yve@ywca.invalid"
    assert renamed.json()["displayName"] != "Mallory", "it renames no one"
    assert provider.found(filter='userName eq "yve@ywca.invalid"') == [renamed.json()]


BAD = [
    ({"userName": ""}, "invalidValue"),
    ({"userName": None}, "invalidValue"),
    ({"userName": "a\u202eb"}, "invalidValue"),
    ({"userName": "a" * 255}, "invalidValue"),
    ({"userName": 7}, "invalidValue"),
    ({"externalId": ["x"]}, "invalidValue"),
    ({"displayName": None}, "invalidValue"),
    ({"displayName": "two\nlines"}, "invalidValue"),
    ({"displayName": "n" * 201}, "invalidValue"),
    ({"emails": []}, "invalidValue"),
    ({"emails": "nia@newcomer.invalid"}, "invalidValue"),
    ({"emails": [{"value": "no address"}]}, "invalidValue"),
    ({"active": False}, "invalidValue"),
    ({"active": "perhaps"}, "invalidValue"),
    ({"roles": [{"display": "worker"}]}, "invalidValue"),
    ({"roles": ["worker"] * 21}, "invalidValue"),
    ({"USERNAME": "twice"}, "invalidSyntax"),
]


@pytest.mark.parametrize(("changed", "kind"), BAD)
def test_a_bad_user_is_refused_and_no_one_invited(
    provider: Provider, changed: Any, kind: str, superuser: Any
) -> None:
    before = rows(superuser, "SELECT count(*) FROM permissions_invitation")
    assert refusal(provider.invite(**changed))[:2] == (400, kind)
    assert rows(superuser, "SELECT count(*) FROM permissions_invitation") == before


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "invalidSyntax"),
        (b"[]", "invalidSyntax"),
        (b"{}", "invalidSyntax"),
        ({"Operations": []}, "invalidSyntax"),
        ({"Operations": [active(True)] * 51}, "invalidSyntax"),
        ({"Operations": ["x"]}, "invalidSyntax"),
        ({"Operations": [{"op": "move", "path": "active", "value": 1}]}, "invalidSyntax"),
        ({"Operations": [{"op": "replace", "value": "x"}]}, "invalidSyntax"),
        ({"Operations": [{"op": "remove"}]}, "noTarget"),
        ({"Operations": [{"op": "remove", "path": "active"}]}, "invalidValue"),
        ({"Operations": [{"op": "remove", "path": "userName"}]}, "invalidValue"),
        ({"Operations": [active(0)]}, "invalidValue"),
        ({"Operations": [{"op": "add", "path": "shoes", "value": 1}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": 7, "value": 1}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": "active.x", "value": 1}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": "roles[primary eq true]"}]}, "invalidPath"),
        ({"Operations": [{"op": "replace", "path": "id", "value": "x"}]}, "mutability"),
    ],
)
def test_a_bad_patch_is_refused(provider: Provider, body: Any, kind: str) -> None:
    worker = str(member_id("ywca.worker"))
    answer = provider.send("PATCH", f"{USERS}/{worker}", body)
    assert refusal(answer)[:2] == (400, kind)
    assert Membership.objects.using("signin").get(id=worker).live


def test_a_patch_is_whole_or_nothing(provider: Provider) -> None:
    worker = str(member_id("ywca.worker"))
    named = {"op": "add", "path": "externalId", "value": "00u3"}
    wrong = {"op": "add", "path": "roles", "value": "lead"}
    assert provider.patch(worker, named, wrong).status_code == 403
    assert "externalId" not in provider.get(f"{USERS}/{worker}").json()


def test_what_comes_along_is_read_past(provider: Provider) -> None:
    worker = str(member_id("ywca.worker"))
    before = provider.get(f"{USERS}/{worker}").json()
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    answer = provider.patch(
        worker,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "x@y.invalid"},
        {"op": "Add", "path": "name.givenName", "value": "Mallory"},
        {"op": "Add", "path": f"{enterprise}:department", "value": "x"},
        {"op": "Replace", "value": {"displayName": "Mallory", f"{enterprise}:manager": "y"}},
        {"op": "Replace", "path": "password", "value": "a secret of theirs"},
    )
    assert (answer.status_code, answer.json()) == (200, before)


def test_the_shape_of_what_is_sent(provider: Provider) -> None:
    assert refusal(provider.send("POST", USERS, NIA, media="text/plain"))[0] == 415
    assert provider.send("POST", USERS, NIA, media="application/json").status_code == 201
    assert refusal(provider.send("PUT", USERS, NIA))[0] == 405
    assert refusal(provider.get("/scim/v2/Groups"))[0] == 404
    assert refusal(provider.send("POST", "/scim/v2/Bulk", {"schemas": [PATCH_OP]}))[0] == 404
