"""Rows of a moment, kept to be put back after a test."""

from pathlib import Path
from typing import Any

from django.conf import settings

from permissions.keys import secret_files
from tests.support.ground.cleaning import content_tables

JOURNAL = Path(settings.BINDING_FOLDER) / "closings"
# Part of the network, and yet an administrator changes it at the desk.
ALSO_KEPT = {"permissions_agency"}
NOT_KEPT = {"credential", "django_session", "permissions_cache"}


class Kept:
    """The content as it is now, put back as often as one likes: an act that was tried is undone.

    Past every trigger and policy, as the superuser. The keys in the key store stay as they are; the
    journal of closings is put back, or what was kept would be older than what was taken away since.
    """

    def __init__(self, superuser: Any, schema: str = "kept") -> None:
        self.superuser, self.schema = superuser, schema
        self.journal = JOURNAL.read_bytes()
        with superuser.cursor() as cursor:
            self.tables = sorted((set(content_tables(cursor)) | ALSO_KEPT) - NOT_KEPT)
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(f"CREATE SCHEMA {schema}")
            for table in self.tables:
                cursor.execute(f"CREATE TABLE {schema}.{table} AS TABLE public.{table}")
        superuser.commit()

    def put_back(self) -> None:
        back = ";".join(
            f"DELETE FROM public.{one}; INSERT INTO public.{one} TABLE {self.schema}.{one}"
            for one in self.tables
        )
        with self.superuser.cursor() as cursor:
            cursor.execute(back)
        self.superuser.commit()
        # A test may have taken the folder away: then nothing was written since.
        if JOURNAL.exists() and JOURNAL.read_bytes() != self.journal:
            secret_files.replace(JOURNAL, self.journal)

    def forget(self) -> None:
        self.superuser.rollback()
        with self.superuser.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {self.schema} CASCADE")
            cursor.execute("SET session_replication_role = origin")
        self.superuser.commit()
