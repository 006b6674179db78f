-- Searches that found nothing, counted by sec.count_unmet_search(). Anyone who searches adds one;
-- no searcher reads them.

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_unmet_search TO jobs;
GRANT SELECT, INSERT, UPDATE ON directory_unmet_search TO definer;
