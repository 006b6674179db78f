"""What was taken away, until the journal outside the database holds it."""

import django.contrib.postgres.fields
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("permissions", "0017_practice")]
    operations = [
        migrations.AddField(
            model_name="boundaccess",
            name="version",
            field=models.IntegerField(null=True),
        ),
        migrations.CreateModel(
            name="Closing",
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
                ("at", models.DateTimeField()),
                ("xact", models.BigIntegerField()),
                ("kind", models.TextField()),
                ("row_key", models.TextField()),
                ("unit_id", models.UUIDField()),
                (
                    "agencies",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), default=list, size=None
                    ),
                ),
                ("data", models.JSONField()),
                ("written_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "closing",
                "indexes": [
                    models.Index(
                        condition=models.Q(("written_at__isnull", True)),
                        fields=["at", "id"],
                        name="closing_unwritten",
                    ),
                    models.Index(fields=["at"], name="closing_at"),
                ],
            },
        ),
    ]
