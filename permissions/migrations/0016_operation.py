"""Heartbeats of the background work, and the row that the health check writes."""

from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("permissions", "0015_devices")]
    operations = [
        migrations.CreateModel(
            name="JobHeartbeat",
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
                ("job", models.TextField()),
                ("host", models.TextField()),
                ("done_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField()),
                ("failing_since", models.DateTimeField(null=True)),
                ("error", models.TextField(null=True)),
            ],
            options={
                "db_table": "job_heartbeat",
                "constraints": [
                    models.UniqueConstraint(fields=("job", "host"), name="job_heartbeat_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="WriteTest",
            fields=[
                ("only_row", models.BooleanField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "write_test"},
        ),
        migrations.RunSQL(
            "INSERT INTO write_test (only_row, at) VALUES (true, clock_timestamp())",
            migrations.RunSQL.noop,
        ),
    ]
