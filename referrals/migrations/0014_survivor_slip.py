"""Slips of survivors (ADR 0093), and which fields of a release were never opened."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7

WITH_REFERRAL = """
    ALTER TABLE survivor_slip ADD CONSTRAINT survivor_slip_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0014_notice_opinion"),
        ("referrals", "0013_line_tests"),
    ]

    operations = [
        migrations.AddField(
            model_name="release",
            name="never_opened_fields",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), null=True, size=None
            ),
        ),
        migrations.CreateModel(
            name="Slip",
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
                ("code_hash", models.BinaryField(max_length=32, unique=True)),
                ("word_hash", models.TextField()),
                ("given_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended", models.BooleanField(default=False)),
                ("version", models.IntegerField()),
                ("mac", models.BinaryField()),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
                (
                    "referral",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="referrals.referral",
                    ),
                ),
            ],
            options={
                "db_table": "survivor_slip",
            },
        ),
        migrations.RunSQL(WITH_REFERRAL, migrations.RunSQL.noop),
    ]
