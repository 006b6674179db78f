-- Only the functions of assignment.sql write assignments.

ALTER TABLE referral_assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_assignment FORCE ROW LEVEL SECURITY;

GRANT SELECT ON referral_assignment TO app;
GRANT SELECT (agency_id, content_object_id), DELETE ON referral_assignment TO jobs;
GRANT SELECT, INSERT, DELETE ON referral_assignment TO definer;

CREATE POLICY own_staff ON referral_assignment FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker_agency_id())
        AND sec.is_not_blocked(content_object_id));
CREATE POLICY jobs_see ON referral_assignment FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral_assignment FOR DELETE TO jobs USING (true);
CREATE POLICY definer_reads ON referral_assignment FOR SELECT TO definer USING (true);
CREATE POLICY definer_assigns ON referral_assignment FOR INSERT TO definer WITH CHECK (true);
CREATE POLICY definer_ends ON referral_assignment FOR DELETE TO definer USING (true);

-- `live` is set before: it follows from the membership and the person. With a return, too: a member
-- who left under an earlier release still has assignments.
CREATE TRIGGER end_assignments AFTER UPDATE ON permissions_membership FOR EACH ROW
    WHEN (OLD.live <> NEW.live
       OR (OLD.roles && ARRAY['worker', 'lead']) <> (NEW.roles && ARRAY['worker', 'lead']))
    EXECUTE FUNCTION sec.end_assignments();
CREATE TRIGGER end_assignments AFTER UPDATE ON permissions_agency FOR EACH ROW
    WHEN (OLD.active <> NEW.active) EXECUTE FUNCTION sec.end_assignments();
