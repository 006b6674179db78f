"""Changes of entries that wait for a second person."""

import django.contrib.postgres.fields
from django.db import migrations, models

import permissions.database.uuid7


def _texts() -> django.contrib.postgres.fields.ArrayField:
    return django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)


class Migration(migrations.Migration):
    dependencies = [("directory", "0002_cascades")]
    operations = [
        migrations.CreateModel(
            name="Proposal",
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
                ("table", models.TextField()),
                ("entry_id", models.UUIDField()),
                ("organization_id", models.UUIDField()),
                ("names", _texts()),
                ("answered_by_id", models.UUIDField(null=True)),
                ("body", models.JSONField()),
                ("patch", models.BooleanField()),
                ("etag", models.TextField(blank=True, default="")),
                ("reasons", _texts()),
                (
                    "resembles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), size=None
                    ),
                ),
                ("agency_id", models.UUIDField()),
                ("member_id", models.UUIDField(null=True)),
                ("client_id", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                ("state", models.TextField()),
                ("decided_by", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "directory_proposal",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ("waiting", "approved", "rejected", "published", "replaced"),
                            )
                        ),
                        name="proposal_state",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("waiting", "approved"))),
                        fields=("agency_id", "table", "entry_id"),
                        name="one_proposal_an_entry",
                    ),
                ],
            },
        ),
    ]
