"""Several servers on one machine, as far as their keys are concerned: each with a folder and a name
of its own, on one database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings

from permissions.keys import binding_key, key_folder
from permissions.keys.keystore import key_store
from tests.support.ground.cluster import HOME

KEYS = HOME / "keys"


@contextmanager
def host(name: str, folder: Path) -> Iterator[None]:
    """This process as it would be on the server `name`, which has this folder of keys."""
    kept = key_folder._process, binding_key._held
    key_folder.forget()
    binding_key._held = None
    store = {"class": "permissions.keys.keystore.FileKeyStore", "folder": str(folder)}
    with override_settings(
        HOST_NAME=name,
        KEY_STORE=store,
        KEYS_CARRIED=str(folder / "carried"),
        BINDING_FOLDER=str(folder / "binding"),
    ):
        key_store.cache_clear()
        try:
            yield
        finally:
            key_store.cache_clear()
            key_folder._process, binding_key._held = kept


def environment(name: str, folder: Path) -> dict[str, str]:
    """Of a process on that server."""
    return os.environ | {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": connection.settings_dict["NAME"],
        "CAIRN_HOST_NAME": name,
        "CAIRN_KEY_FOLDER": str(folder),
    }


def begins(name: str, folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    """`manage.py keys …` on that server."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "keys", *words],
        env=environment(name, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def passes(superuser: Any, seconds: float) -> None:
    """So much time, as far as the marks of the folder are concerned."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE key_folder SET marked_at = marked_at - make_interval(secs => %s)", [seconds]
        )


def no_host_is_known(superuser: Any) -> None:
    """As with a new database."""
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM key_host")
        cursor.execute("DELETE FROM key_folder")
