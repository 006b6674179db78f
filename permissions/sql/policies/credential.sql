-- Only `signin` uses what lets a person or a system in.

GRANT SELECT, INSERT, UPDATE, DELETE ON credential TO signin;
GRANT SELECT, UPDATE (live) ON credential TO definer;

CREATE TRIGGER is_live BEFORE INSERT OR UPDATE OF hash, agency_id, membership_id, client_id, roles,
    live, person_id, left_roles, system_of_record, networks ON credential
    FOR EACH ROW EXECUTE FUNCTION sec.set_credential_live();
