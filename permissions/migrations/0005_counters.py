"""Counters: refusals of unknown callers, and limits."""

from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("permissions", "0004_channel_proof")]
    operations = [
        migrations.CreateModel(
            name="RecentCount",
            fields=[
                (
                    "counter",
                    models.BinaryField(max_length=32, primary_key=True, serialize=False),
                ),
                ("times", models.IntegerField(db_default=1)),
                (
                    "ends_at",
                    models.DateTimeField(
                        db_default=models.Func(
                            function="sec.clock", output_field=models.DateTimeField()
                        )
                    ),
                ),
            ],
            options={
                "db_table": "recent_count",
                "indexes": [models.Index(fields=["ends_at"], name="recent_count_ends")],
            },
        ),
        migrations.CreateModel(
            name="RefusalCount",
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
                ("address_prefix", models.TextField(null=True)),
                ("agency_id", models.UUIDField(null=True)),
                ("client_id", models.UUIDField(null=True)),
                ("minute", models.DateTimeField(null=True)),
                ("counts", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "refusal_count",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("address_prefix", "client_id"),
                        name="refusal_count_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
