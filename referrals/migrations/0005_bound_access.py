"""The sealed record of who may open what goes with its referral."""

from django.db import migrations

RECORD = """
    ALTER TABLE bound_access ADD CONSTRAINT bound_access_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""
NO_RECORD = "ALTER TABLE bound_access DROP CONSTRAINT bound_access_referral_id_fkey;"


class Migration(migrations.Migration):
    dependencies = [("referrals", "0004_block_alerts"), ("permissions", "0006_bound_access")]
    operations = [migrations.RunSQL(RECORD, NO_RECORD)]
