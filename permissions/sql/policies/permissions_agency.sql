-- Everyone in the network may know which agencies there are.

GRANT SELECT ON permissions_agency TO app, signin, editor, auditor, definer;
-- sec.set_own_agency(), for the agency that its caller administers.
GRANT UPDATE (time_zone, opening_hours, holidays, durations, retention_days, takes_notices)
      ON permissions_agency TO definer;
-- sec.begin_practice_agency(), sec.end_exercise().
GRANT INSERT, UPDATE (active) ON permissions_agency TO definer;
GRANT SELECT, INSERT, UPDATE ON permissions_agency TO jobs;

CREATE TRIGGER ask_again AFTER UPDATE ON permissions_agency FOR EACH ROW
    WHEN (OLD.active <> NEW.active) EXECUTE FUNCTION sec.refresh_credentials();
CREATE TRIGGER stays_in_its_world BEFORE UPDATE OF exercise_id, practice_of_id
    ON permissions_agency FOR EACH ROW
    WHEN (OLD.exercise_id IS DISTINCT FROM NEW.exercise_id
          OR OLD.practice_of_id IS DISTINCT FROM NEW.practice_of_id)
    EXECUTE FUNCTION sec.refuse_world_change();
