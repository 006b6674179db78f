-- Searches that found nothing, counted by sec.tally_unmet(): whoever searches adds one and reads
-- none.

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_unmet_search TO jobs;
GRANT SELECT, INSERT, UPDATE ON directory_unmet_search TO gate;
