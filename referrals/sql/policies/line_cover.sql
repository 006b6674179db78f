-- How many minutes of a month an agency covered by a line that answered. The background work
-- counts; the agency's leads and administrators are shown their own, the coordinator every
-- agency's.

GRANT SELECT, INSERT, UPDATE (minutes, covered, until), DELETE ON line_cover TO jobs;
GRANT SELECT ON line_cover TO signin;
GRANT SELECT (agency_id, month, minutes, covered) ON line_cover TO definer;
