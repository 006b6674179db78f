"""Channels are proven by a code. Those of an earlier release count as proven: no one is cut off."""

import django.db.models.deletion
from django.db import migrations, models

# Row-level security is forced, so the owner sees no channel without a policy of its own.
COUNT_AS_PROVEN = """
    CREATE POLICY count_as_proven ON channel TO owner USING (true) WITH CHECK (true);
    UPDATE channel SET proven_at = created_at;
    DROP POLICY count_as_proven ON channel;
"""
CODES = """
    CREATE TABLE channel_code (
        channel_id uuid PRIMARY KEY
            REFERENCES channel (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        code text NOT NULL,
        ends_at timestamptz NOT NULL,
        tries integer DEFAULT 0 NOT NULL
    );
"""


class Migration(migrations.Migration):
    dependencies = [("permissions", "0003_row_macs")]
    operations = [
        migrations.AddField("channel", "proven_at", models.DateTimeField(null=True)),
        migrations.RunSQL(COUNT_AS_PROVEN, migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(CODES, "DROP TABLE channel_code")],
            [
                migrations.CreateModel(
                    name="ChannelCode",
                    fields=[
                        (
                            "channel",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="permissions.channel",
                            ),
                        ),
                        ("code", models.TextField()),
                        ("ends_at", models.DateTimeField()),
                        ("tries", models.IntegerField(db_default=0)),
                    ],
                    options={"db_table": "channel_code"},
                )
            ],
        ),
    ]
