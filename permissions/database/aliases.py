"""The aliases in `settings.DATABASES` by which code chooses a database role, one for each kind of
work. The process that answers requests uses `app`, which is Django's `default`."""

EDITOR = "editor"  # edits the directory, and does nothing else
AUDITOR = "auditor"  # reads the access log
REPLICA = "replica"  # reads the public directory on a standby; only where one is configured
JOBS = "jobs"  # the background work, imports, and the operator's commands
OWNER = "owner"  # owns the tables: migrations, and making a restored database true again
SEALER = "sealer"  # seals the access log
