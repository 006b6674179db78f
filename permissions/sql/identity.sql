-- Who is asking: resolved inside the database, from the live credential, at every statement.
-- Everything in schema `sec` is owned by `gate` (no log-in) and schema-qualified throughout.

CREATE SCHEMA sec;
GRANT USAGE ON SCHEMA sec TO app, door, editor, jobs, auditor, sealer, gate;
GRANT CREATE ON SCHEMA sec TO gate;

-- One clock for every rule. The offset is for tests and exercises: neither `app` nor `jobs` can
-- write it, and a deploy check refuses any but zero.
CREATE TABLE sec.clock_offset (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    shift interval NOT NULL DEFAULT '0'
);
INSERT INTO sec.clock_offset DEFAULT VALUES;
GRANT SELECT ON sec.clock_offset TO gate, app, door, editor, jobs, auditor, sealer;

-- clock_timestamp(), not now(): a transaction that waited for a lock must not judge by the moment
-- it began. STABLE lets a policy ask once a scan.
CREATE FUNCTION sec.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN clock_timestamp() + (SELECT shift FROM sec.clock_offset);
END $$;

CREATE TYPE sec.identity AS (
    agency_id uuid, member_id uuid, person_id uuid, client_id uuid,
    roles text[], scopes text[], kind text, duties text[], system_of_record boolean
);

-- The live identity of this transaction, or NULL. `cairn.token` is the hex SHA-256 of the secret,
-- `cairn.acting` the member of staff that a client names (R15). A setting that was local to an
-- earlier transaction reads back as '', one never set as NULL: both find nothing.
CREATE FUNCTION sec.identity() RETURNS sec.identity
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    token text := current_setting('cairn.token', true);
    staff text := current_setting('cairn.acting', true);
    me sec.identity;
BEGIN
    IF token IS NULL OR token = '' THEN
        RETURN NULL;
    END IF;
    SELECT c.agency_id, m.id, m.person_id, c.client_id,
           CASE WHEN c.client_id IS NULL
                THEN ARRAY(SELECT unnest(m.roles) INTERSECT SELECT unnest(c.roles))
                ELSE coalesce(m.roles, '{}') END,
           c.scopes, a.kind, a.duties, coalesce(k.system_of_record, false)
      INTO me
      FROM public.credential c
      JOIN public.permissions_agency a ON a.id = c.agency_id AND a.active
      LEFT JOIN public.permissions_membership m
             ON m.id = coalesce(c.membership_id, nullif(staff, '')::uuid)
            AND m.agency_id = c.agency_id AND m.active
      LEFT JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
      LEFT JOIN public.permissions_client k ON k.id = c.client_id AND k.active
     WHERE c.hash = decode(token, 'hex')
       AND c.ended_at IS NULL
       AND c.expires_at > sec.clock()
       AND (c.client_id IS NULL OR k.id IS NOT NULL)
       -- a person's own credential, or a client that names staff: she must be live
       AND (p.id IS NOT NULL OR (c.client_id IS NOT NULL AND coalesce(staff, '') = ''));
    IF FOUND THEN
        RETURN me;
    END IF;
    RETURN NULL;
END $$;

-- The calling agency, whoever acts for it.
CREATE FUNCTION sec.caller() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (sec.identity()).agency_id;
END $$;

-- The calling agency, if the caller may see referrals at all: a worker or lead, or a client with
-- referrals:read (whose named staff, if any, is a worker or lead).
CREATE FUNCTION sec.caseworker() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        IF me.roles && ARRAY['worker', 'lead'] THEN
            RETURN me.agency_id;
        END IF;
    ELSIF 'referrals:read' = ANY (me.scopes) THEN
        IF me.member_id IS NULL OR me.roles && ARRAY['worker', 'lead'] THEN
            RETURN me.agency_id;
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- The agency whose own people's entries the caller may review.
CREATE FUNCTION sec.auditing() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL AND 'auditor' = ANY (me.roles) THEN
        RETURN me.agency_id;
    ELSIF me.client_id IS NOT NULL AND 'audit:read' = ANY (me.scopes) THEN
        RETURN me.agency_id;
    END IF;
    RETURN NULL;
END $$;

-- The agency, if the caller may edit entries of the directory: a directory editor, or a client with
-- directory:write (whose named staff, if any, is one). Which entries: sec.edits.
CREATE FUNCTION sec.directory_editor() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        IF 'directory_editor' = ANY (me.roles) THEN
            RETURN me.agency_id;
        END IF;
    ELSIF 'directory:write' = ANY (me.scopes) THEN
        IF me.member_id IS NULL OR 'directory_editor' = ANY (me.roles) THEN
            RETURN me.agency_id;
        END IF;
    END IF;
    RETURN NULL;
END $$;

GRANT SELECT ON credential, permissions_agency, permissions_client TO gate;
GRANT SELECT (id, is_active) ON permissions_person TO gate;
GRANT SELECT ON permissions_membership TO gate;

-- Only `door` touches what lets somebody in.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    credential, permissions_person, permissions_client, permissions_clientassertion TO door;
GRANT SELECT ON permissions_agency TO app, door, editor, auditor;
GRANT SELECT, INSERT, UPDATE ON permissions_agency TO jobs;

-- Who works where is seen inside the agency only: a staff list is what a violent partner wants.
ALTER TABLE permissions_membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE permissions_membership FORCE ROW LEVEL SECURITY;
GRANT SELECT ON permissions_membership TO app, door, auditor;
GRANT SELECT, INSERT, UPDATE ON permissions_membership TO jobs;
CREATE POLICY colleagues ON permissions_membership FOR SELECT TO app, auditor
    USING (agency_id = (SELECT sec.caller()));
CREATE POLICY door_reads ON permissions_membership FOR SELECT TO door USING (true);
CREATE POLICY gate_reads ON permissions_membership FOR SELECT TO gate USING (true);
CREATE POLICY jobs_keep ON permissions_membership TO jobs USING (true) WITH CHECK (true);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sec FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.clock() TO gate, app, door, editor, jobs, auditor, sealer;
GRANT EXECUTE ON FUNCTION sec.identity(), sec.caller(), sec.caseworker(), sec.auditing()
    TO app, auditor;
GRANT EXECUTE ON FUNCTION sec.identity(), sec.directory_editor() TO editor;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.identity() OWNER TO gate;
ALTER FUNCTION sec.caller() OWNER TO gate;
ALTER FUNCTION sec.caseworker() OWNER TO gate;
ALTER FUNCTION sec.auditing() OWNER TO gate;
ALTER FUNCTION sec.directory_editor() OWNER TO gate;
