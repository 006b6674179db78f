"""When a side answered a request to call."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0007_undo_accept")]
    operations = [migrations.AddField("side", "called_at", models.DateTimeField(null=True))]
