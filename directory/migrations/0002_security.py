"""Who may touch which table of the directory, and what the database itself refuses."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("directory", "0001_initial"), ("permissions", "0002_security")]
    operations = [
        migrations.RunSQL((SQL / "access.sql").read_text()),
        migrations.RunSQL((SQL / "places.sql").read_text()),
        migrations.RunSQL((SQL / "editing.sql").read_text()),
        migrations.RunSQL((SQL / "search.sql").read_text()),
    ]
