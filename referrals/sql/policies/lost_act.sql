-- What a recovery found to be lost. The background work writes it; a lead reads what their own
-- agency's side knew, by sec.lost_acts().

GRANT SELECT, INSERT, DELETE ON lost_act TO jobs;
GRANT SELECT ON lost_act TO definer;
