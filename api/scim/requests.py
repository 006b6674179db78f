"""Reads what a provider sends of a user: a new one, a replacement, a patch (RFC 7644 sections 3.3,
3.5.1 and 3.5.2), and the ways in which Entra ID and Okta write them.

What Cairn does not take from a provider (a changed name, an address, a phone) is read past, as it
comes with every message; a role that a provider may not give is refused where it is asked for.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from permissions import displayed_text
from permissions.enrollment.sealed_messages import Address
from permissions.errors import BadRequest
from permissions.scim.scim_rows import Names
from permissions.scim.scim_users import User, Wanted

WantedOf = Callable[[User], Wanted]

MOST_OPERATIONS = 50
MOST_ROLES = 20
MOST_NAME = 200  # characters
MOST_ID = 254
_CORE = "urn:ietf:params:scim:schemas:core:2.0:user:"
_PATH = re.compile(
    r"(?P<name>[A-Za-z][\w$-]{0,60})(?:\[(?P<filter>[^\]]{1,200})\])?(?:\.(?P<sub>[A-Za-z]\w{0,60}))?"
)
_VALUE_IS = re.compile(r"\s*value\s+eq\s+\"([^\"\\]{1,100})\"\s*", re.IGNORECASE)
_FIXED = ("id", "meta", "schemas", "groups")
# Attributes of a user (RFC 7643 section 4.1) that are read past.
_PASSED = (
    *("name", "displayname", "nickname", "profileurl", "title", "usertype", "preferredlanguage"),
    *("locale", "timezone", "password", "emails", "phonenumbers", "ims", "photos", "addresses"),
    *("entitlements", "x509certificates"),
)


class NewUser(NamedTuple):
    names: Names
    name: str
    to: Address
    roles: list[str]


# -- Whole users -----------------------------------------------------------------------------------


def new_user(body: dict[str, Any]) -> NewUser:
    """Return whom to invite. Raises BadRequest."""
    given = _lowered(body)
    names = Names(_name_of(given.get("username")), _external_id(given.get("externalid")))
    if "active" in given and not _active(given["active"]):
        raise BadRequest("scim_value", "A new user is active: Cairn invites them.")
    spoken = given.get("preferredlanguage") or given.get("locale")
    language = "es" if str(spoken or "").lower().startswith("es") else "en"
    to = Address("mail", _mail_of(given.get("emails")), language)
    return NewUser(names, _person_of(given), to, _roles(given.get("roles")))


def replacement(body: dict[str, Any]) -> WantedOf:
    """Return what a user is to be after a PUT. What it does not name stays. Raises BadRequest."""
    given = _lowered(body)
    user_name = _name_of(given.get("username"))
    active = _active(given["active"]) if given.get("active") is not None else None
    external_id = _external_id(given.get("externalid"))
    roles = _roles(given.get("roles"))

    def wanted(user: User) -> Wanted:
        names = Names(user_name, external_id or user.names.external_id)
        return Wanted(names, roles or user.roles, user.active if active is None else active)

    return wanted


def patch(body: dict[str, Any]) -> WantedOf:
    """Return what a user is to be after the operations of a PATCH, in their order. Raises
    BadRequest, then or when it is called."""
    operations = _lowered(body).get("operations")
    if not isinstance(operations, list) or not 1 <= len(operations) <= MOST_OPERATIONS:
        raise BadRequest("scim_syntax", f"Operations is a list of 1 to {MOST_OPERATIONS}.")
    steps = [step for one in operations for step in _steps(one)]

    def wanted(user: User) -> Wanted:
        found = Wanted(user.names, list(user.roles), user.active)
        for step in steps:
            found = _applied(found, step)
        if not found.roles:
            raise BadRequest(
                "scim_value", "A member has at least one role. To end them, set active to false."
            )
        return found

    return wanted


# -- One step of a patch ---------------------------------------------------------------------------


class _Step(NamedTuple):
    op: str
    attribute: str  # in lower case
    role: str | None  # of a path such as roles[value eq "lead"]
    value: Any


def _steps(operation: Any) -> Iterator[_Step]:
    if not isinstance(operation, dict):
        raise BadRequest("scim_syntax", "An operation is an object.")
    given = _lowered(operation)
    op, path, value = str(given.get("op", "")).lower(), given.get("path"), given.get("value")
    if op not in ("add", "replace", "remove"):
        raise BadRequest("scim_syntax", "op is add, replace or remove.")
    if path is not None:
        yield _step(op, path, value)
    elif op == "remove":
        raise BadRequest("scim_target", "To remove something, name its path.")
    elif isinstance(value, dict):  # each member is a path of its own
        _lowered(value)
        for name, one in value.items():
            if name.lower() not in _FIXED:
                yield _step(op, name, one)
    else:
        raise BadRequest("scim_syntax", "Without a path, value is an object of attributes.")


def _step(op: str, path: Any, value: Any) -> _Step:
    if not isinstance(path, str):
        raise BadRequest("scim_path", "A path is a text.")
    plain = path.strip()
    if plain.lower().startswith(_CORE):
        plain = plain[len(_CORE) :]
    if plain.lower().startswith("urn:"):
        return _Step(op, "", None, None)  # of an extension, which Cairn has none of
    found = _PATH.fullmatch(plain)
    name = found["name"].lower() if found else ""
    if name in _PASSED:
        return _Step(op, "", None, None)
    if name in _FIXED:
        raise BadRequest("scim_fixed", "This attribute is set by Cairn and does not change.")
    if found is None or name not in ("active", "roles", "username", "externalid"):
        raise BadRequest("scim_path", "This path is no attribute that Cairn has.")
    role = None
    if name != "roles" and (found["filter"] or found["sub"]):
        raise BadRequest("scim_path", "This attribute has no parts.")
    if found["filter"]:
        by_value = _VALUE_IS.fullmatch(found["filter"])
        if by_value is None or op != "remove":
            raise BadRequest("scim_path", 'Roles are removed by roles[value eq "lead"].')
        role = by_value[1]
    return _Step(op, name, role, value)


def _applied(wanted: Wanted, step: _Step) -> Wanted:
    match step.attribute:
        case "active":
            if step.op == "remove":
                raise BadRequest("scim_value", "To end a user, set active to false.")
            return wanted._replace(active=_active(step.value))
        case "roles":
            return wanted._replace(roles=_roles_after(list(wanted.roles), step))
        case "username":
            given = None if step.op == "remove" else step.value
            return wanted._replace(names=wanted.names._replace(user_name=_name_of(given)))
        case "externalid":
            given = "" if step.op == "remove" else step.value
            return wanted._replace(names=wanted.names._replace(external_id=_external_id(given)))
    return wanted


def _roles_after(roles: list[str], step: _Step) -> list[str]:
    if step.role is not None:
        if step.role not in roles:
            raise BadRequest("scim_target", "The user does not have this role.")
        return [one for one in roles if one != step.role]
    given = _roles(step.value)
    if step.op == "add":
        return roles + [one for one in given if one not in roles]
    if step.op == "remove":
        return [one for one in roles if one not in given] if given else []
    return given


# -- Values ----------------------------------------------------------------------------------------


def _lowered(given: dict[str, Any]) -> dict[str, Any]:
    """Return the members by their names in lower case (RFC 7643 section 2.1)."""
    found = {name.lower(): value for name, value in given.items()}
    if len(found) != len(given):
        raise BadRequest("scim_syntax", "An attribute is named twice.")
    return found


def _active(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):  # Entra ID
        return value.lower() == "true"
    raise BadRequest("scim_value", "active is true or false.")


def _name_of(value: Any) -> str:
    text = _line(value, "userName", MOST_ID)
    if not text:
        raise BadRequest("scim_value", "userName is needed.")
    return text


def _external_id(value: Any) -> str:
    return "" if value is None else _line(value, "externalId", MOST_ID)


def _line(value: Any, what: str, most: int) -> str:
    text = displayed_text.normalized(value).strip() if isinstance(value, str) else None
    if text is None or len(text) > most or displayed_text.fault_of(text, lines=False):
        raise BadRequest("scim_value", f"{what} is one line of at most {most} characters.")
    return text


def _person_of(given: dict[str, Any]) -> str:
    name = given.get("name")
    parts = _lowered(name) if isinstance(name, dict) else {}
    both = [parts.get("givenname"), parts.get("familyname")]
    joined = " ".join(one for one in both if isinstance(one, str) and one.strip())
    for one in (given.get("displayname"), parts.get("formatted"), joined):
        if text := _line(one or "", "displayName", MOST_NAME):
            return text
    raise BadRequest("scim_value", "displayName or name is needed.")


def _mail_of(emails: Any) -> str:
    """Return the primary address, else that of the work, else the first."""
    listed = emails if isinstance(emails, list) else []
    found = [_lowered(one) for one in listed if isinstance(one, dict)]
    found.sort(
        key=lambda one: (str(one.get("primary")).lower() != "true", one.get("type") != "work")
    )
    address = found[0].get("value") if found else None
    if not isinstance(address, str):
        raise BadRequest("scim_value", "emails is needed: the invitation goes there.")
    return address


def _roles(value: Any) -> list[str]:
    if value is None:
        return []
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MOST_ROLES:
        raise BadRequest("scim_value", f"roles has at most {MOST_ROLES} values.")
    return list(dict.fromkeys(_role(one) for one in listed))


def _role(one: Any) -> str:
    name = _lowered(one).get("value") if isinstance(one, dict) else one
    if not isinstance(name, str) or not name:
        raise BadRequest("scim_value", 'A role is written as {"value": "worker"}.')
    return name
