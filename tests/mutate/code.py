"""Mutants of the first wall and of sealing: the policy table, and Python functions that check.

A function is changed by its code object, so that every caller that imported it runs the mutant.
"""

import ast
import importlib
import inspect
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any
from uuid import UUID

from tests.mutate.sql import Mutant, Numbered

# module → its functions that check; None: all
CHECKS: dict[str, tuple[str, ...] | None] = {
    "permissions.policy.rules": None,
    "permissions.keys.keystore": None,
    "permissions.keys.wrapping": None,
    "permissions.keys.grants": None,
    "permissions.keys.vault": None,
    "referrals.packets.packet": None,
    "referrals.packets.notes": None,
    "referrals.packets.read_context": None,
    "referrals.act_transaction": None,
    "referrals.queries.seen": None,
    "referrals.acts.return_releases": None,
    "directory.editing.confidential_addresses": None,
}
VAULT = bool(os.environ.get("CAIRN_TEST_VAULT_ADDR"))  # without one its tests are skipped
# What no rule of this file finds: module, pattern, what stands there instead, what that takes away.
SWAPS = (
    (
        "permissions.keys.keystore",
        r"(nonce, plain|sealed\[12:\]), context\.encode\(\)",
        r"\1, b''",
        "seal and unseal without the context",
    ),
    (
        "permissions.keys.keystore",
        r"sha256\(context\.encode\(\)\)",
        "sha256(b'')",
        "bind and unbind without the context",
    ),
    (
        "permissions.keys.grants",
        r"for name in fields if name in keys",
        "for name in keys",
        "narrow: all keys, not only the fields that are left",
    ),
    (
        "referrals.releases.lifecycle",
        r"for name in release\.fields if name in keys",
        "for name in keys",
        "share_keys: all keys, not only the released ones",
    ),
    (
        "referrals.acts.return_releases",
        r'f"returned:\{[\w.]+\}"',
        "'returned:'",
        "what is given back, not bound to its row",
    ),
    (
        "referrals.referral_lock",
        r"\b_SHARED_LOCK\b(?! =)",
        "'SELECT 1'",
        "no reader of a packet holds the referral's lock",
    ),
    (
        "referrals.queries.seen",
        r"if not closing:",
        "if True:",
        "nothing that closes waits for readers",
    ),
    (
        "referrals.queries.seen",
        r"\{_LOCK\.text\(\)\}; ",
        "",
        "no act locks the row before it looks",
    ),
)


# -- The policy table ------------------------------------------------------------------------------


def of_rules() -> Iterator[Mutant]:
    """Each line looser: anyone of a side, the other side too, any client."""
    from permissions.policy.rules import Who
    from referrals.act_registry.transitions import RULES

    for act, rule in RULES.items():
        for side in ("from_side", "to_side"):
            who = getattr(rule, side)
            if who != Who.WORKER:
                said = who.value if who else "nobody"
                loose = rule._replace(**{side: Who.WORKER})
                yield Mutant(
                    "rule", f"{act}: any worker on the {side}, not {said}", _ruled(act, loose), act
                )
        loose = rule._replace(scope="directory:read")
        yield Mutant("rule", f"{act}: without the scope {rule.scope}", _ruled(act, loose), act)


def _ruled(act: str, loose: Any) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def ruled() -> Iterator[None]:
        from referrals.act_registry.transitions import RULES

        real = RULES[act]
        RULES[act] = loose
        try:
            yield
        finally:
            RULES[act] = real

    return ruled


# -- Functions that check --------------------------------------------------------------------------


def of_checks() -> Iterator[Mutant]:
    """Each function of CHECKS without each of its checks."""
    for name, wanted in CHECKS.items():
        if name == "permissions.keys.vault" and not VAULT:
            continue
        module = importlib.import_module(name)
        tree = ast.parse(inspect.getsource(module))
        for place, said in _checks(tree, wanted):
            yield Mutant("check", f"{name}.{said}", _patched(module, tree, place), name)
    for name, pattern, instead, said in SWAPS:
        module = importlib.import_module(name)
        source = inspect.getsource(module)
        changed = re.sub(pattern, instead, source)
        assert changed != source, f"{name} says no more: {pattern}"
        applied = partial(running, module, ast.parse(source), ast.parse(changed))
        yield Mutant("check", f"{name}: {said}", applied, name)
    said = "permissions.keys.keystore: unwrap by whichever agency's key opens it"
    yield Mutant("check", said, _by_anybodys_key, "permissions.keys.keystore")


Change = Callable[[ast.Module], None]


def _checks(tree: ast.Module, wanted: tuple[str, ...] | None) -> Iterator[tuple[Change, str]]:
    """What can be dropped: a change to a copy of the tree, and what it takes away."""
    numbered = Numbered()
    for function, owner in _functions(tree):
        if wanted is None or function.name in wanted:
            for node in ast.walk(function):
                for path, said in _droppable(node):
                    name = numbered(f"{owner}{function.name}: {said}")
                    yield _change(tree, node, path), name
    parts = {ast.unparse(node): node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    for text, joined in parts.items():
        for number, value in enumerate(joined.values):
            if isinstance(value, ast.FormattedValue) and _binds(text):
                yield _unsaid(text, number), f"{text} without {ast.unparse(value.value)}"


def _binds(text: str) -> bool:
    """Texts that a seal is bound to: `kind:{row}:{field}`."""
    return ":" in text and " " not in text and "://" not in text


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, ""
        elif isinstance(node, ast.ClassDef) and not any(
            ast.unparse(base) == "Protocol" for base in node.bases
        ):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield inner, f"{node.name}."


def _droppable(node: ast.AST) -> Iterator[tuple[Callable[[Any], None], str]]:
    if isinstance(node, ast.If) and isinstance(
        node.body[-1], ast.Raise | ast.Return | ast.Continue
    ):
        ends = isinstance(node.body[-1], ast.Raise)
        if ends:
            yield _set("test", ast.Constant(False)), f"never {ast.unparse(node.test)}"
    if isinstance(node, ast.If | ast.IfExp) and isinstance(node.test, ast.BoolOp):
        for number, value in enumerate(node.test.values):
            said = f"{ast.unparse(node.test)} without {ast.unparse(value)}"
            yield _without(number), said
    if isinstance(node, ast.comprehension):
        for number, test in enumerate(node.ifs):
            yield _any(number), f"all, not only if {ast.unparse(test)}"


def _set(name: str, value: ast.expr) -> Callable[[Any], None]:
    return lambda node: setattr(node, name, value)


def _without(number: int) -> Callable[[Any], None]:
    def drop(node: Any) -> None:
        node.test.values[number] = ast.Constant(isinstance(node.test.op, ast.And))

    return drop


def _any(number: int) -> Callable[[Any], None]:
    def drop(node: Any) -> None:
        node.ifs[number] = ast.Constant(True)

    return drop


def _change(tree: ast.Module, node: ast.AST, change: Callable[[Any], None]) -> Change:
    place = next(n for n, one in enumerate(ast.walk(tree)) if one is node)

    def apply(copy: ast.Module) -> None:
        change(list(ast.walk(copy))[place])

    return apply


def _unsaid(text: str, number: int) -> Change:
    """In every equal text, so that what is sealed and what is unsealed still agree."""

    def apply(copy: ast.Module) -> None:
        for node in ast.walk(copy):
            if isinstance(node, ast.JoinedStr) and ast.unparse(node) == text:
                node.values[number] = ast.Constant("")

    return apply


@contextmanager
def _by_anybodys_key() -> Iterator[None]:
    """Else a bundle would open to none but the agency that the caller says it is of."""
    from permissions.errors import Unavailable
    from permissions.keys.keystore import FileKeyStore, unbind_context

    real = FileKeyStore.unwrap

    def unwrap(self: FileKeyStore, principal: Any, wrapped: Any, context: str) -> bytes:
        for agency in (one.name for one in self.folder.iterdir() if one.is_dir()):
            try:
                return unbind_context(self._unwrap(UUID(agency), wrapped), context)
            except Unavailable:
                continue
        return real(self, principal, wrapped, context)

    FileKeyStore.unwrap = unwrap  # type: ignore[method-assign]
    try:
        yield
    finally:
        FileKeyStore.unwrap = real  # type: ignore[method-assign]


# -- Living code -----------------------------------------------------------------------------------


def _patched(
    module: ModuleType, tree: ast.Module, change: Change
) -> Callable[[], AbstractContextManager[None]]:
    def patched() -> AbstractContextManager[None]:
        copy = deepcopy(tree)
        change(copy)
        return running(module, tree, copy)

    return patched


@contextmanager
def running(module: ModuleType, tree: ast.Module, changed: ast.Module) -> Iterator[None]:
    """The module's functions run as `changed` has them."""
    real, mutated = _codes(tree, module), _codes(changed, module)
    differing = [name for name in real if real[name] != mutated[name]]
    live = {name: _function(module, name) for name in differing}
    before = {name: one.__code__ for name, one in live.items()}
    for name, one in live.items():
        one.__code__ = mutated[name]
    try:
        yield
    finally:
        for name, one in live.items():
            one.__code__ = before[name]


def _codes(tree: ast.Module, module: ModuleType) -> dict[str, CodeType]:
    """The code of each function and method, by its qualified name."""
    compiled = compile(ast.fix_missing_locations(tree), str(module.__file__), "exec")
    found: dict[str, CodeType] = {}

    def collect(code: CodeType) -> None:
        for one in code.co_consts:
            if isinstance(one, CodeType) and "<" not in one.co_qualname:
                found[one.co_qualname] = one
                if not one.co_flags & inspect.CO_OPTIMIZED:  # the body of a class
                    collect(one)

    collect(compiled)
    return {name: code for name, code in found.items() if code.co_flags & inspect.CO_OPTIMIZED}


def _function(module: ModuleType, name: str) -> FunctionType:
    found: Any = module
    for part in name.split("."):
        found = inspect.getattr_static(found, part)
    while not isinstance(found, FunctionType) or hasattr(found, "__wrapped__"):
        found = found.__func__ if hasattr(found, "__func__") else found.__wrapped__
    return found
