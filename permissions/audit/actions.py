"""What an entry of the access log may say: these acts, these purposes, and codes.

One list for the code and the database, which refuses every other word from whoever writes
(`sec.hash_entry`): what a bug or an injected query would leave there, nobody could take out again.
Each floor registers its own words as it starts; `functions()` tells them to the database.
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
    """Add words of a floor. `uses`: the purposes of use that an opening states; `purposes`: others
    that an entry may name; `self_assignment`: the act of a lead who gives herself access (R7).
    Twice is safe."""
    global _self_assignment
    _self_assignment = self_assignment or _self_assignment
    _acts.update(acts)
    _uses.update(uses)
    _purposes.update(purposes)


def acts() -> tuple[str, ...]:
    """Every act that an entry may be of, in the order of the alphabet."""
    return tuple(sorted(_acts))


def uses() -> Set[str]:
    """The purposes of use: what something sealed is opened for."""
    return _uses


def purposes() -> tuple[str, ...]:
    """Every purpose that an entry may name, those of use among them."""
    return tuple(sorted(_uses | _purposes))


def self_assignment() -> str:
    """The act of a lead who gives herself access, which auditors look for (R7)."""
    return _self_assignment


def functions() -> str:
    """The SQL that tells the database both lists, in place of those it had; `manage.py migrate`
    applies it. It reads a word of an object's keys in a tenth of the time that it takes to find
    one in an array.
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
