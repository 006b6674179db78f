-- The MACs of the rows that let someone in. Those who write such a row write its MAC.

GRANT SELECT, INSERT, UPDATE ON row_mac TO signin, jobs;
GRANT SELECT ON row_mac TO definer;
