-- Each writer of an event reads the base; sec.continue_xact_count() raises it after a restore.

GRANT SELECT ON xact_base TO app, jobs;
GRANT SELECT, UPDATE (base) ON xact_base TO definer;
