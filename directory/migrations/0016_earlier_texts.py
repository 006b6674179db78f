"""What edits replaced, sealed."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("directory", "0015_duplicates")]
    operations = [
        migrations.CreateModel(
            name="EarlierText",
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
                ("kind", models.TextField()),
                ("edit_id", models.UUIDField(db_index=True)),
                ("organization_id", models.UUIDField(db_index=True)),
                ("table", models.TextField()),
                ("row_id", models.UUIDField(db_index=True)),
                (
                    "places",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), size=None
                    ),
                ),
                ("agency_id", models.UUIDField(db_index=True)),
                ("ends_at", models.DateTimeField(db_index=True)),
                ("kek_version", models.IntegerField()),
                ("key_bundle", models.BinaryField()),
                ("sealed", models.BinaryField()),
            ],
            options={
                "db_table": "directory_earlier_text",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("edit", "undo"))),
                        name="earlier_text_kind",
                    )
                ],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["places"], name="earlier_text_places"
                    )
                ],
            },
        ),
    ]
