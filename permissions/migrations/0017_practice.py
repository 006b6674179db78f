"""Exercises, and the agencies that exist in one exercise only."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0016_operation"),
    ]

    operations = [
        migrations.AddField(
            model_name="agency",
            name="practice_of",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="permissions.agency",
            ),
        ),
        migrations.CreateModel(
            name="Exercise",
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
                ("code", models.TextField(unique=True)),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("swept_at", models.DateTimeField(null=True)),
                (
                    "begun_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="agency",
            name="exercise",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="agencies",
                to="permissions.exercise",
            ),
        ),
        AddConstraintNotValid(
            model_name="agency",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("exercise__isnull", True), ("practice_of__isnull", True)),
                    models.Q(("exercise__isnull", False), ("practice_of__isnull", False)),
                    _connector="OR",
                ),
                name="practice_is_of_an_agency",
            ),
        ),
        migrations.AddConstraint(
            model_name="agency",
            constraint=models.UniqueConstraint(
                condition=models.Q(("exercise__isnull", False)),
                fields=("exercise", "practice_of"),
                name="one_practice_agency_an_exercise",
            ),
        ),
    ]
