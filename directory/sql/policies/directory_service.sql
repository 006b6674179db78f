-- A service: see directory_sources.sql. An editor may name their own agency as the one that answers
-- referrals, or none. Another agency that `jobs` has bound stays until it is removed.

GRANT UPDATE ON directory_service TO definer;

CREATE POLICY definer_locks ON directory_service FOR UPDATE TO definer
    USING (true) WITH CHECK (false);

CREATE TRIGGER hides AFTER UPDATE OF confidential, organization_id ON directory_service
    FOR EACH ROW WHEN (NEW.confidential OR NEW.organization_id <> OLD.organization_id)
    EXECUTE FUNCTION sec.hide_service_places();
CREATE TRIGGER answers_begins BEFORE INSERT ON directory_service
    FOR EACH ROW WHEN (current_user = 'editor') EXECUTE FUNCTION sec.check_answered_by();
CREATE TRIGGER answers_changes BEFORE UPDATE OF answered_by_id ON directory_service
    FOR EACH ROW WHEN (current_user = 'editor'
                       AND NEW.answered_by_id IS DISTINCT FROM OLD.answered_by_id)
    EXECUTE FUNCTION sec.check_answered_by();
