"""Row-level security, identity inside the database, the access log, and who may touch what.

A new database also begins the key store, which is never begun again: see KeyStore.begin.
"""

from pathlib import Path

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import permissions.sql
from permissions import log_vocabulary
from permissions.keystore import key_store


def begin_key_store(_apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    key_store().begin()


FOLDER = str(Path(permissions.sql.__file__).parent)


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("oauth2_provider", "0022_refreshtoken_token_family_index"),
        ("sessions", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
    ]
    operations = [
        migrations.RunPython(permissions.sql.require_roles, migrations.RunPython.noop),
        permissions.sql.run(FOLDER, "identity.sql"),
        migrations.RunSQL([log_vocabulary.functions()]),
        permissions.sql.run(FOLDER, "log.sql"),
        permissions.sql.run(FOLDER, "seals.sql"),
        permissions.sql.run(FOLDER, "keys.sql"),
        permissions.sql.run(FOLDER, "libraries.sql"),
        permissions.sql.run(FOLDER, "channels.sql"),
        permissions.sql.run(FOLDER, "auditing.sql"),
        permissions.sql.run(FOLDER, "seal_review.sql"),
        migrations.RunPython(begin_key_store, migrations.RunPython.noop),
    ]
