"""Counts that outlive the purge."""

import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7

WITH_REFERRAL = """
    ALTER TABLE counted_referral ADD CONSTRAINT counted_referral_referral_id_fkey
        FOREIGN KEY (referral_id) REFERENCES referral (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""


def _id() -> models.UUIDField:
    return models.UUIDField(
        default=permissions.database.uuid7.uuid7,
        editable=False,
        primary_key=True,
        serialize=False,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0023_grant_settled"),
        ("referrals", "0021_flat_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="CountedReferral",
            fields=[
                (
                    "referral",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="referrals.referral",
                    ),
                ),
                ("month", models.DateField()),
                ("from_kind", models.TextField()),
                ("to_kind", models.TextField()),
                ("from_barred", models.BooleanField(default=False)),
                ("to_barred", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "counted_referral",
                "indexes": [models.Index(fields=["month"], name="counted_by_month")],
            },
        ),
        migrations.RunSQL(WITH_REFERRAL, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="CountLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.UUIDField(null=True)),
                ("side", models.TextField()),
                ("begins", models.DateField()),
                ("item", models.TextField()),
                ("number", models.IntegerField()),
                ("settled", models.BooleanField()),
            ],
            options={"db_table": "count_line"},
        ),
        migrations.CreateModel(
            name="CountCell",
            fields=[
                ("id", _id()),
                ("side", models.TextField()),
                ("begins", models.DateField()),
                ("item", models.TextField()),
                ("number", models.IntegerField()),
                ("settled", models.IntegerField()),
                (
                    "agency",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
            ],
            options={
                "db_table": "count_cell",
                "indexes": [models.Index(fields=["begins"], name="count_cell_by_month")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agency", "side", "begins", "item"),
                        name="one_count_cell",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("side__in", ("from", "to", "net", "kept"))),
                        name="count_cell_side",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CountSeal",
            fields=[
                ("id", _id()),
                ("begins", models.DateField()),
                ("yearly", models.BooleanField()),
                ("total", models.BigIntegerField()),
                ("mac", models.BinaryField()),
            ],
            options={
                "db_table": "count_seal",
                "constraints": [
                    models.UniqueConstraint(fields=("begins", "yearly"), name="one_count_seal")
                ],
            },
        ),
    ]
