-- Heartbeats of the background work. Only sec.beat() and sec.job_heartbeats() use them.

GRANT SELECT, INSERT, UPDATE, DELETE ON job_heartbeat TO definer;
