-- Exercises: `signin` begins and joins them; `jobs` ends those that are over. `app` reads when one
-- ends, for the band on its pages, and never the code.

GRANT SELECT, INSERT ON permissions_exercise TO signin;
GRANT SELECT (id, ends_at) ON permissions_exercise TO app;
GRANT SELECT (id, ends_at, ended_at, swept_at), UPDATE (swept_at) ON permissions_exercise TO jobs;
GRANT SELECT, UPDATE (ended_at) ON permissions_exercise TO definer;
