"""What a recovery found to be lost; and an index by which events are copied out of the database."""

from django.db import migrations, models

import permissions.database.fields
import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("referrals", "0015_signing"), ("permissions", "0019_timeline")]
    operations = [
        migrations.CreateModel(
            name="LostAct",
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
                ("event_id", models.UUIDField()),
                ("agency_id", models.UUIDField()),
                ("other_agency_id", models.UUIDField()),
                ("referral_id", models.UUIDField()),
                ("act", models.TextField()),
                ("own", models.BooleanField()),
                ("at", models.DateTimeField()),
                ("found_at", models.DateTimeField(db_default=permissions.database.fields.CLOCK)),
            ],
            options={
                "db_table": "lost_act",
                "constraints": [
                    models.UniqueConstraint(fields=["agency_id", "event_id"], name="lost_act_once")
                ],
            },
        ),
        migrations.AddIndex(
            "event", models.Index(fields=["xact", "id"], name="referral_event_order")
        ),
    ]
