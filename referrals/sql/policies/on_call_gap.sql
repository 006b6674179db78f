-- When no phone of an agency answered. The background work writes it; the sender, the agency's
-- leads and the coordinator are shown what lasts.

GRANT SELECT, INSERT, UPDATE (ended_at) ON on_call_gap TO jobs;
GRANT SELECT ON on_call_gap TO signin;
