"""Every sealed record is of a referral. The table is new, so there is nothing to scan."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("referrals", "0005_bound_access")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE bound_access VALIDATE CONSTRAINT bound_access_referral_id_fkey",
            migrations.RunSQL.noop,
        )
    ]
