"""Row-level security of everything that holds anything of a referral."""

from pathlib import Path

from django.db import migrations

import permissions.sql
import referrals.sql

FOLDER = str(Path(referrals.sql.__file__).parent)


class Migration(migrations.Migration):
    dependencies = [("referrals", "0001_initial"), ("permissions", "0002_security")]
    operations = [
        permissions.sql.run(FOLDER, "feed.sql"),
        permissions.sql.run(FOLDER, "blocks.sql"),
        permissions.sql.run(FOLDER, "policies.sql"),
        permissions.sql.run(FOLDER, "staff.sql"),
        permissions.sql.run(FOLDER, "papers.sql"),
        permissions.sql.run(FOLDER, "purge.sql"),
        permissions.sql.run(FOLDER, "accounting.sql"),
        permissions.sql.run(FOLDER, "life.sql"),
        permissions.sql.run(FOLDER, "messages.sql"),
        permissions.sql.run(FOLDER, "webhooks.sql"),
        permissions.sql.run(FOLDER, "drafts.sql"),
    ]
