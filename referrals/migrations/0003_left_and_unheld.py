"""What a member who left works on is found by them; sides that no one holds are found, and asked
for until someone takes them over."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0002_cascades")]
    operations = [
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(fields=["membership_id"], name="assignment_member"),
        ),
        migrations.AddField(
            model_name="side",
            name="asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="side",
            index=models.Index(
                condition=models.Q(("holder_id__isnull", True)),
                fields=["agency"],
                name="side_unheld",
            ),
        ),
    ]
