-- How often something limited was done. Only sec.wait_for_turn() and sec.end_recent_counts() use
-- it.

GRANT SELECT, INSERT, UPDATE, DELETE ON recent_count TO definer;
