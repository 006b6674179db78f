"""What belongs to a referral goes with it in the database: a purge deletes one row."""

from django.db import migrations

from permissions.database.operations import CascadeInDatabase

# The wrapped keys are of `permissions`, the ground floor, which knows no referral.
KEYS = """
    ALTER TABLE packet_grant ADD CONSTRAINT packet_grant_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
    ALTER TABLE private_key ADD CONSTRAINT private_key_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""
NO_KEYS = """
    ALTER TABLE packet_grant DROP CONSTRAINT packet_grant_referral_id_fkey;
    ALTER TABLE private_key DROP CONSTRAINT private_key_referral_id_fkey;
"""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0001_initial"), ("permissions", "0002_cascades")]
    operations = [
        CascadeInDatabase("side", "referral"),
        CascadeInDatabase("assignment", "content_object"),
        CascadeInDatabase("selfassignment", "referral"),
        CascadeInDatabase("conflictblock", "referral"),
        CascadeInDatabase("release", "referral"),
        CascadeInDatabase("releasepaper", "release"),
        CascadeInDatabase("releaseend", "release"),
        CascadeInDatabase("returned", "referral"),
        CascadeInDatabase("returned", "release"),
        CascadeInDatabase("packetfield", "referral"),
        CascadeInDatabase("note", "referral"),
        CascadeInDatabase("plan", "referral"),
        CascadeInDatabase("event", "referral"),
        CascadeInDatabase("message", "referral"),
        CascadeInDatabase("idempotencykey", "referral"),
        CascadeInDatabase("webhooksecret", "endpoint"),
        CascadeInDatabase("webhookdelivery", "endpoint"),
        CascadeInDatabase("webhookdelivery", "referral"),
        migrations.RunSQL(KEYS, NO_KEYS),
    ]
