"""Where a partner system's agency fetches its public keys."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("permissions", "0007_invitations")]
    operations = [migrations.AddField("client", "keys_url", models.TextField(null=True))]
