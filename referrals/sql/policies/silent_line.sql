-- Lines that left two tests unanswered. The background work writes it; the agency's leads and
-- administrators are shown whose, the coordinator how many.

GRANT SELECT, INSERT, UPDATE (ended_at), DELETE ON silent_line TO jobs;
GRANT SELECT ON silent_line TO signin;
