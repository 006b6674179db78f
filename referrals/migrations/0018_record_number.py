"""An agency's own number for a referral (ADR 0110)."""

import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7

WITH_REFERRAL = """
    ALTER TABLE record_number ADD CONSTRAINT record_number_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0017_lost_acts"), ("permissions", "0021_backups")]
    operations = [
        migrations.CreateModel(
            name="RecordNumber",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=permissions.database.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("keyed", models.BinaryField(max_length=32)),
                ("kek_version", models.IntegerField()),
                ("key_bundle", models.BinaryField()),
                (
                    "agency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
                (
                    "referral",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="referrals.referral",
                    ),
                ),
            ],
            options={
                "db_table": "record_number",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["agency", "referral"], name="one_number_an_agency"
                    )
                ],
            },
        ),
        migrations.RunSQL(WITH_REFERRAL, migrations.RunSQL.noop),
    ]
