"""The vocabulary of the access log: the acts and purposes that an entry may contain.

The code and the database share one list. The database refuses every other word from any writer
(`sec.hash_entry`), because what a bug or an injected query wrote there could never be removed.
Each floor registers its own words at startup; `functions()` passes them to the database.
"""

import json
from collections.abc import Iterable, Set

_acts: set[str] = set()
_uses: set[str] = set()
_purposes: set[str] = set()
_self_assignment = ""


def register(
    *,
    acts: Iterable[str] = (),
    uses: Iterable[str] = (),
    purposes: Iterable[str] = (),
    self_assignment: str = "",
) -> None:
    """Add a floor's words. `uses`: the purposes of use that an opening states; `purposes`: others
    that an entry may name; `self_assignment`: the act by which leads give themselves access (R7).
    Twice is safe."""
    global _self_assignment
    _self_assignment = self_assignment or _self_assignment
    _acts.update(acts)
    _uses.update(uses)
    _purposes.update(purposes)


def acts() -> tuple[str, ...]:
    """Every act that an entry may record, in alphabetical order."""
    return tuple(sorted(_acts))


def uses() -> Set[str]:
    """The purposes of use: the reasons to open sealed content."""
    return _uses


def purposes() -> tuple[str, ...]:
    """Every purpose that an entry may name, including the purposes of use."""
    return tuple(sorted(_uses | _purposes))


def self_assignment() -> str:
    """The act by which leads give themselves access, which auditors look for (R7)."""
    return _self_assignment


def functions() -> str:
    """The SQL that replaces both lists in the database; `manage.py migrate` applies it. The lists
    are JSON objects because a lookup by key takes a tenth of the time of a search in an array.
    """
    return _list("sec.log_acts()", acts()) + _list("sec.log_purposes()", purposes())


def _list(function: str, words: Iterable[str]) -> str:
    known = json.dumps(dict.fromkeys(words, 1))
    return f"""
        CREATE FUNCTION {function} RETURNS jsonb LANGUAGE sql IMMUTABLE
            AS $$ SELECT '{known}'::jsonb $$;
        REVOKE ALL ON FUNCTION {function} FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION {function} TO app, editor, auditor, gate;
    """  # noqa: S608 (our own words)


register(
    acts=(
        *("session.sign_in", "session.sign_out", "session.resume", "token.issue"),
        *("member.add", "member.change_roles", "member.reset", "member.end", "member.return"),
        *("client.add", "client.change_keys", "client.change_networks", "client.change_budget"),
        *("client.end", "client.return", "agency.add", "agency.change", "member.set_duty"),
        *("editor.add", "editor.end", "seal.rotate", "key.rotate", "key.destroy", "key.restore"),
        *("channels.read", "channel.add", "channel.remove", "channel.test", "channel.tested"),
        *("access_log.read", "access_log.export", "access_log.counts", "access_log.seals"),
        *("access_log.verify", "access_log.opt_ins", "access_log.opt_in", "access_log.end_opt_in"),
        *("access_log.prove", "access_log.checkpoints"),
    )
)
