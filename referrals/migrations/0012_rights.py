"""Rights that survivors were given: the side's reminder, marks to be counted, and their counts."""

import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7

WITH_REFERRAL = """
    ALTER TABLE rights_mark ADD CONSTRAINT rights_mark_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0014_notice_opinion"),
        ("referrals", "0011_claims_checked"),
    ]

    operations = [
        migrations.AddField("side", "remind_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="RightsMark",
            fields=[
                (
                    "id",
                    models.UUIDField(editable=False, primary_key=True, serialize=False),
                ),
                ("month", models.DateField()),
                ("tag", models.BinaryField()),
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
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="referrals.referral",
                    ),
                ),
            ],
            options={"db_table": "rights_mark"},
        ),
        migrations.CreateModel(
            name="RightsTally",
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
                ("month", models.DateField()),
                ("item", models.TextField()),
                ("number", models.IntegerField()),
                (
                    "agency",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
            ],
            options={
                "db_table": "rights_tally",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agency", "month", "item"),
                        name="one_rights_tally_a_month",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.RunSQL(WITH_REFERRAL, migrations.RunSQL.noop),
    ]
