-- Each writer of an event reads the base; sec.count_on() raises it after a restore.

GRANT SELECT ON xact_base TO app, jobs;
GRANT SELECT, UPDATE (base) ON xact_base TO gate;
