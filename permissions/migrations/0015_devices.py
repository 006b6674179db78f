"""A member's own device, which takes Web Push, is a channel. What is there already is checked by
referrals.0011_claims_checked, in a transaction of its own."""

from django.db import migrations, models

KIND = models.CheckConstraint(
    name="channel_kind_check",
    condition=models.Q(kind__in=("mail", "sms", "voice", "push")),
)
DEVICE = models.CheckConstraint(
    name="channel_device_check",
    condition=models.Q(("kind", "push"), _negated=True)
    | models.Q(("name__isnull", False), ("push_keys__isnull", False), ("use", "own")),
)
# The new check allows more than the one that it replaces.
WIDER = """-- squawk-ignore ban-drop-constraint
    ALTER TABLE channel DROP CONSTRAINT channel_kind_check,
        ADD CONSTRAINT channel_kind_check
            CHECK (kind IN ('mail', 'sms', 'voice', 'push')) NOT VALID,
        ADD CONSTRAINT channel_device_check
            CHECK (kind <> 'push'
                   OR (name IS NOT NULL AND push_keys IS NOT NULL AND use = 'own')) NOT VALID;
"""
NARROWER = """
    ALTER TABLE channel DROP CONSTRAINT channel_device_check, DROP CONSTRAINT channel_kind_check,
        ADD CONSTRAINT channel_kind_check CHECK (kind IN ('mail', 'sms', 'voice'));
"""


class Migration(migrations.Migration):
    dependencies = [("permissions", "0014_notice_opinion")]
    operations = [
        migrations.AddField("channel", "name", models.TextField(null=True)),
        migrations.AddField("channel", "push_keys", models.TextField(null=True)),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL([WIDER], [NARROWER])],
            [
                migrations.RemoveConstraint("channel", "channel_kind_check"),
                migrations.AddConstraint("channel", KIND),
                migrations.AddConstraint("channel", DEVICE),
            ],
        ),
    ]
