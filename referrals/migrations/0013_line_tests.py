import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0014_notice_opinion"),
        ("referrals", "0012_rights"),
    ]

    operations = [
        migrations.CreateModel(
            name="LineTest",
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
                ("number", models.UUIDField()),
                ("kind", models.TextField()),
                ("week", models.DateField(null=True)),
                (
                    "at",
                    models.DateTimeField(
                        db_default=models.Func(
                            function="sec.clock", output_field=models.DateTimeField()
                        )
                    ),
                ),
                ("token_hash", models.BinaryField(null=True, unique=True)),
                ("language", models.TextField(db_default="en")),
                ("sent_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("how", models.TextField(null=True)),
            ],
            options={
                "db_table": "line_test",
                "indexes": [models.Index(fields=["at"], name="line_test_at")],
                "constraints": [
                    models.UniqueConstraint(fields=("number", "week"), name="one_line_test_a_week"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("sms", "voice"))), name="line_test_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("how__in", ("key", "link", "desk"))),
                        name="line_test_how",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LineCover",
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
                ("month", models.DateField()),
                ("minutes", models.IntegerField()),
                ("covered", models.IntegerField()),
                ("until", models.DateTimeField()),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
            ],
            options={
                "db_table": "line_cover",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agency", "month"), name="one_line_cover_a_month"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("covered__gte", 0), ("covered__lte", models.F("minutes"))
                        ),
                        name="line_cover_share",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SilentLine",
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
                ("channel_id", models.UUIDField()),
                ("kind", models.TextField()),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
            ],
            options={
                "db_table": "silent_line",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("channel_id",),
                        name="one_open_silence",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("sms", "voice"))), name="silent_line_kind"
                    ),
                ],
            },
        ),
    ]
