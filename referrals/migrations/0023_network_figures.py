"""The figures of the network in bands, whom they name, and what was published of earlier years."""

import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0023_grant_settled"),
        ("referrals", "0022_numbers"),
    ]

    operations = [
        migrations.CreateModel(
            name="EarlierYear",
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
                ("year", models.IntegerField(unique=True)),
                ("cases", models.IntegerField(null=True)),
                ("trainings", models.IntegerField(null=True)),
                ("people_trained", models.IntegerField(null=True)),
                ("source", models.TextField()),
            ],
            options={
                "db_table": "earlier_year",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("year__gte", 1990), ("year__lte", 2099)),
                        name="earlier_year_year",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source__regex", "^.{1,200}$")),
                        name="earlier_year_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cases__isnull", False),
                            ("trainings__isnull", False),
                            ("people_trained__isnull", False),
                            _connector="OR",
                        ),
                        name="earlier_year_said",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NetworkFigures",
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
                ("period", models.TextField()),
                ("begins", models.DateField()),
                ("months", models.IntegerField()),
                ("content", models.JSONField()),
                ("made_at", models.DateTimeField()),
                ("published_at", models.DateTimeField(null=True)),
                ("published_by", models.UUIDField(null=True)),
                ("trainings", models.IntegerField(null=True)),
                ("people_trained", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "network_figures",
                "constraints": [
                    models.UniqueConstraint(fields=("period",), name="one_network_figures"),
                    models.CheckConstraint(
                        condition=models.Q(("months__in", (3, 12))), name="network_figures_period"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("published_at", None),
                            models.Q(
                                ("months", 12),
                                ("published_by__isnull", False),
                                ("trainings__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="network_figures_published",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FiguresAgreement",
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
                ("given_at", models.DateTimeField()),
                ("given_by", models.UUIDField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.UUIDField(null=True)),
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
                "db_table": "figures_agreement",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("agency",),
                        name="one_figures_agreement",
                    )
                ],
            },
        ),
    ]
