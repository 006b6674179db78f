"""A member says that they are awake; and messages go to devices, too."""

from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7

CLAIMS = """
    CREATE TABLE awake_claim (
        id uuid PRIMARY KEY,
        at timestamptz NOT NULL,
        until timestamptz NOT NULL,
        member_id uuid NOT NULL,
        person_id uuid NOT NULL,
        how text NOT NULL,
        agency_id uuid NOT NULL
            REFERENCES permissions_agency (id) DEFERRABLE INITIALLY DEFERRED,
        referral_id uuid NOT NULL
            REFERENCES referral (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT one_claim_a_person UNIQUE (referral_id, person_id),
        CONSTRAINT claim_how CHECK (how IN ('call', 'push', 'desk')),
        CONSTRAINT claim_is_short CHECK (until > at AND until <= at + interval '5 minutes')
    );
"""
KIND = models.CheckConstraint(
    name="message_kind_check", condition=models.Q(kind__in=("mail", "sms", "voice", "push"))
)
# The new check allows more than the one that it replaces.
WIDER = """-- squawk-ignore ban-drop-constraint
    ALTER TABLE message DROP CONSTRAINT message_kind_check,
        ADD CONSTRAINT message_kind_check
            CHECK (kind IN ('mail', 'sms', 'voice', 'push')) NOT VALID;
"""
NARROWER = """
    ALTER TABLE message DROP CONSTRAINT message_kind_check,
        ADD CONSTRAINT message_kind_check CHECK (kind IN ('mail', 'sms', 'voice'));
"""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0009_on_call"), ("permissions", "0015_devices")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(CLAIMS, "DROP TABLE awake_claim")],
            [
                migrations.CreateModel(
                    name="Claim",
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
                        ("member_id", models.UUIDField()),
                        ("person_id", models.UUIDField()),
                        ("at", models.DateTimeField()),
                        ("until", models.DateTimeField()),
                        ("how", models.TextField()),
                        (
                            "agency",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="permissions.agency",
                            ),
                        ),
                        (
                            "referral",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="referrals.referral",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "awake_claim",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("referral", "person_id"), name="one_claim_a_person"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("how__in", ("call", "push", "desk"))),
                                name="claim_how",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("until__gt", models.F("at")),
                                    (
                                        "until__lte",
                                        models.F("at") + models.Value(timedelta(minutes=5)),
                                    ),
                                ),
                                name="claim_is_short",
                            ),
                        ],
                    },
                )
            ],
        ),
        migrations.AddField("message", "keys_wrong", models.IntegerField(db_default=0)),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL([WIDER], [NARROWER])],
            [
                migrations.RemoveConstraint("message", "message_kind_check"),
                migrations.AddConstraint("message", KIND),
            ],
        ),
    ]
