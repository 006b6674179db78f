"""The channels and messages that are there are of a known kind."""

from django.db import migrations

CHECKED = """
    ALTER TABLE channel VALIDATE CONSTRAINT channel_kind_check;
    ALTER TABLE channel VALIDATE CONSTRAINT channel_device_check;
    ALTER TABLE message VALIDATE CONSTRAINT message_kind_check;
"""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0010_claims")]
    operations = [migrations.RunSQL(CHECKED, migrations.RunSQL.noop)]
