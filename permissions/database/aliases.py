"""The aliases in `settings.DATABASES` by which code chooses a database role, one for each kind of
work. The process that answers requests uses `app`, which is Django's `default`."""

EDITOR = "editor"  # edits the directory, and does nothing else
AUDITOR = "auditor"  # reads the access log
JOBS = "jobs"  # the background work, imports, and the operator's commands
SEALER = "sealer"  # seals the access log
