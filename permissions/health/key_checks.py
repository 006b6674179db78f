"""Checks of deployment for what is outside the database: the folder of keys and Vault.

permissions.E030  this server's folder of keys is not the one that the other servers use
permissions.E031  the folder of keys is on a network file system that shows old contents, or whose
                  locks do not reach the other servers
permissions.E032  Vault does not answer, or this process's token will end, or may do everything
permissions.W030  the folder of keys is on a file system that is not known to be safe to share
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.core import checks
from django.core.checks import Error, Tags, register
from django.db import DatabaseError, connections

from permissions.errors import Unavailable
from permissions.keys import key_folder
from permissions.keys.keystore import key_store

NEEDED = "hard,lookupcache=none,acregmax=3,acdirmax=3"
SHOWS_OLD_S = 3  # for at most so many seconds may a network file system show an old entry
# Not local, and not NFS: whether an open file is read again, and whether locks reach the others,
# is up to each.
_OTHERS = re.compile(r"cifs|smb\w*|9p|afs|ceph|glusterfs|fuse\..*|virtiofs|vboxsf")


class Mount(NamedTuple):
    """Where a folder is mounted from: the type of the file system and its options."""

    kind: str
    options: dict[str, str]


def mount_of(folder: Path, table: str) -> Mount:
    """The mount that `folder` is on; `table` is the text of /proc/self/mountinfo (proc(5))."""
    best, found = -1, Mount("", {})
    for line in table.splitlines():
        before, _, behind = line.partition(" - ")
        fields, rest = before.split(" "), behind.split(" ")
        if len(fields) < 6 or len(rest) < 3:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda one: chr(int(one[1], 8)), fields[4]))
        if (folder == point or point in folder.parents) and len(point.parts) >= best:
            pairs = [one.partition("=") for one in f"{fields[5]},{rest[2]}".split(",")]
            best, found = len(point.parts), Mount(rest[0], {key: to for key, _, to in pairs})
    return found


def trouble_of(mount: Mount) -> str:
    """What hinders several servers from sharing a folder on this mount, in words; or nothing."""
    if mount.kind not in {"nfs", "nfs4"}:
        return ""
    options = mount.options
    if "nolock" in options or options.get("local_lock", "none") != "none":
        return "its locks do not reach the other servers (nolock, local_lock)"
    if "soft" in options or "softerr" in options:
        return "a write that takes long is lost (soft)"
    kept_s = max(int(options.get(name, 60)) for name in ("acregmax", "acdirmax"))
    if "noac" not in options and (kept_s > SHOWS_OLD_S or options.get("lookupcache") != "none"):
        return "it shows old contents for up to a minute"
    return ""


@register(deploy=True)
def folder_can_be_shared(**kwargs: Any) -> list[checks.CheckMessage]:
    """permissions.E031, W020."""
    try:
        table = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return []
    mount = mount_of(key_folder.folder().resolve(), table)
    if found := trouble_of(mount):
        return [
            Error(
                f"The folder of keys is on a network file system, and {found}.",
                hint=f"Mount it with {NEEDED} (RUNBOOK.md, Several servers).",
                id="permissions.E031",
            )
        ]
    if _OTHERS.fullmatch(mount.kind):
        return [
            checks.Warning(
                f"The folder of keys is on {mount.kind}, which is not known to be safe for several"
                " servers.",
                hint="Use NFS 4 with the options of RUNBOOK.md, Several servers, or one server.",
                id="permissions.W030",
            )
        ]
    return []


@register(Tags.database)
def folder_is_the_shared_one(databases: Sequence[str] | None = None, **kwargs: Any) -> list[Error]:
    """permissions.E030."""
    if "default" not in (databases or ()):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('key_folder') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return []  # not migrated yet
    try:
        key_folder.check("default")
    except Unavailable as error:
        if error.detail == key_folder.NOT_SHARED:
            return [
                Error(
                    "This server's folder of keys is not the one that the other servers use.",
                    hint="Mount the same folder; `manage.py keys hosts` lists who uses it.",
                    id="permissions.E030",
                )
            ]
    except DatabaseError:
        return []  # it takes no writes: permissions.E020 says so
    return []


@register(deploy=True)
def vault_goes_on(**kwargs: Any) -> list[Error]:
    """permissions.E032."""
    token = getattr(key_store(), "token", None)
    if token is None:
        return []
    try:
        found = token()
    except Unavailable:
        trouble, hint = "Vault does not answer", "Its address, its seal, and this process's token."
    else:
        if "root" in found.policies:
            trouble, hint = "The token of Vault may do everything", "A policy as in RUNBOOK.md."
        elif found.ends_in_s and not found.renewable:
            trouble = f"The token of Vault ends in {found.ends_in_s // 3600} hours, for good"
            hint = "A periodic token, which Cairn renews, or an agent that writes the file."
        else:
            return []
    return [Error(f"{trouble}.", hint=hint, id="permissions.E032")]
