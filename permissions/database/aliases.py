"""The database's aliases in `settings.DATABASES` by which code asks for a role: one role for each
kind of work. The process that answers requests works as `app`, which is Django's `default`."""

EDITOR = "editor"  # edits the directory, and does nothing else
AUDITOR = "auditor"  # reads the access log
JOBS = "jobs"  # the background work, imports, and the operator's commands
SEALER = "sealer"  # seals the access log
