-- Who is asking: resolved inside the database, from the live credential, at every statement.
-- What reads for others in schema `sec` is owned by `gate` (no log-in), as each file says at its
-- end; all is schema-qualified throughout.

CREATE SCHEMA sec;
GRANT USAGE ON SCHEMA sec TO app, door, editor, jobs, auditor, sealer, gate;
GRANT CREATE ON SCHEMA sec TO gate;

-- One clock for every rule. The offset is for tests and exercises: neither `app` nor `jobs` can
-- write it, and a deploy check refuses any but zero. It is written into sec.shift(), so that to ask
-- for the time reads no table.
CREATE FUNCTION sec.shift() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '0' $$;
CREATE TABLE sec.clock_offset (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    shift interval NOT NULL DEFAULT '0'
);
INSERT INTO sec.clock_offset DEFAULT VALUES;
CREATE FUNCTION sec.keep_shift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION sec.shift() RETURNS interval'
                   ' LANGUAGE sql IMMUTABLE AS $s$ SELECT interval %L $s$', NEW.shift);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_shift AFTER INSERT OR UPDATE ON sec.clock_offset
    FOR EACH ROW EXECUTE FUNCTION sec.keep_shift();

-- clock_timestamp(), not now(): a transaction that waited for a lock must not judge by the moment
-- it began. STABLE lets a policy ask once a scan.
CREATE FUNCTION sec.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN clock_timestamp() + sec.shift();
END $$;

-- What is live ------------------------------------------------------------------------------------
-- Every policy asks who is calling, so that the answer must be one look at one row: what hangs on
-- others (the agency, the person, the client) is written beside the credential, by these triggers
-- and nobody else. A credential is issued under the same lock, so that none is issued on what was
-- true a moment ago: it waits for whoever changes that, and he for it.

CREATE FUNCTION sec.member_is_live() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7003, 0);
    NEW.live := NEW.active AND EXISTS (
        SELECT FROM public.permissions_person p WHERE p.id = NEW.person_id AND p.is_active);
    RETURN NEW;
END $$;

-- `left_roles`: those she signed in with and still holds. A credential of a client has none.
CREATE FUNCTION sec.credential_is_live() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    member record;
    client record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7003, 0);
    SELECT m.person_id, m.roles INTO member FROM public.permissions_membership m
     WHERE m.id = NEW.membership_id AND m.agency_id = NEW.agency_id AND m.live;
    SELECT k.id, k.system_of_record, k.networks INTO client FROM public.permissions_client k
     WHERE k.id = NEW.client_id AND k.active;
    NEW.person_id := member.person_id;
    NEW.left_roles := ARRAY(SELECT unnest(member.roles) INTERSECT SELECT unnest(NEW.roles));
    NEW.system_of_record := coalesce(client.system_of_record, false);
    NEW.networks := client.networks;
    NEW.live := (member.person_id IS NOT NULL OR client.id IS NOT NULL) AND EXISTS (
        SELECT FROM public.permissions_agency a WHERE a.id = NEW.agency_id AND a.active);
    RETURN NEW;
END $$;

-- Somebody changed what credentials hang on: each of them is asked again, before he commits.
CREATE FUNCTION sec.ask_credentials_again() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7003, 0);
    IF TG_RELID = 'public.permissions_agency'::regclass THEN
        UPDATE public.credential SET live = live WHERE agency_id = NEW.id;
    ELSIF TG_RELID = 'public.permissions_client'::regclass THEN
        UPDATE public.credential SET live = live WHERE client_id = NEW.id;
    ELSIF TG_RELID = 'public.permissions_membership'::regclass THEN
        UPDATE public.credential SET live = live WHERE membership_id = NEW.id;
    ELSE  -- a person: her memberships first, which ask on
        UPDATE public.permissions_membership SET live = live WHERE person_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER is_live BEFORE INSERT OR UPDATE ON permissions_membership
    FOR EACH ROW EXECUTE FUNCTION sec.member_is_live();
CREATE TRIGGER is_live BEFORE INSERT OR UPDATE OF hash, agency_id, membership_id, client_id, roles,
    live, person_id, left_roles, system_of_record, networks ON credential
    FOR EACH ROW EXECUTE FUNCTION sec.credential_is_live();
CREATE TRIGGER ask_again AFTER UPDATE ON permissions_membership
    FOR EACH ROW EXECUTE FUNCTION sec.ask_credentials_again();
CREATE TRIGGER ask_again AFTER UPDATE ON permissions_agency FOR EACH ROW
    WHEN (OLD.active <> NEW.active) EXECUTE FUNCTION sec.ask_credentials_again();
CREATE TRIGGER ask_again AFTER UPDATE ON permissions_client FOR EACH ROW
    WHEN (OLD.active <> NEW.active OR OLD.system_of_record <> NEW.system_of_record
          OR OLD.networks IS DISTINCT FROM NEW.networks)
    EXECUTE FUNCTION sec.ask_credentials_again();
CREATE TRIGGER ask_again AFTER UPDATE ON permissions_person FOR EACH ROW
    WHEN (OLD.is_active <> NEW.is_active) EXECUTE FUNCTION sec.ask_credentials_again();
GRANT SELECT, UPDATE (live) ON credential, permissions_membership TO gate;
GRANT SELECT ON permissions_agency, permissions_client TO gate;
GRANT SELECT (id, is_active) ON permissions_person TO gate;

-- Who is asking -----------------------------------------------------------------------------------

CREATE TYPE sec.identity AS (
    agency_id uuid, member_id uuid, person_id uuid, client_id uuid,
    roles text[], scopes text[], system_of_record boolean, networks text[]
);

-- The live identity of this transaction, or NULL: one look at the credential, a second one where a
-- client names staff. `cairn.token` is the hex SHA-256 of the secret, `cairn.acting` the member of
-- staff that a client names (R15). A setting that was local to an earlier transaction reads back as
-- '', one never set as NULL: both find nothing.
CREATE FUNCTION sec.identity() RETURNS sec.identity
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    token text := current_setting('cairn.token', true);
    staff text := current_setting('cairn.acting', true);
    me sec.identity;
BEGIN
    IF coalesce(token, '') = '' THEN
        RETURN NULL;
    END IF;
    SELECT c.agency_id, c.membership_id, c.person_id, c.client_id, c.left_roles, c.scopes,
           c.system_of_record, c.networks
      INTO me
      FROM public.credential c
     WHERE c.hash = decode(token, 'hex')
       AND c.live AND c.ended_at IS NULL AND c.expires_at > sec.clock();
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF me.client_id IS NOT NULL AND staff <> '' THEN
        SELECT m.id, m.person_id, m.roles INTO me.member_id, me.person_id, me.roles
          FROM public.permissions_membership m
         WHERE m.id = staff::uuid AND m.agency_id = me.agency_id AND m.live;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN me;
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

-- Whether the caller is of the network that confidential entries are known to (T1): a member, but
-- no auditor, or a client with directory:read.
CREATE FUNCTION sec.in_network() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF 'auditor' = ANY (me.roles) THEN
        RETURN false;
    ELSIF me.client_id IS NULL THEN
        RETURN me.member_id IS NOT NULL;
    ELSIF 'directory:read' = ANY (me.scopes) THEN
        RETURN true;
    END IF;
    RETURN false;
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
CREATE POLICY gate_asks_again ON permissions_membership FOR UPDATE TO gate
    USING (true) WITH CHECK (true);
CREATE POLICY jobs_keep ON permissions_membership TO jobs USING (true) WITH CHECK (true);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sec FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.clock(), sec.shift()
    TO gate, app, door, editor, jobs, auditor, sealer;
GRANT EXECUTE ON FUNCTION sec.identity(), sec.caller(), sec.caseworker(), sec.auditing()
    TO app, auditor;
GRANT EXECUTE ON FUNCTION sec.in_network() TO app;
GRANT EXECUTE ON FUNCTION sec.identity(), sec.directory_editor() TO editor;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.member_is_live() OWNER TO gate;
ALTER FUNCTION sec.credential_is_live() OWNER TO gate;
ALTER FUNCTION sec.ask_credentials_again() OWNER TO gate;
ALTER FUNCTION sec.identity() OWNER TO gate;
ALTER FUNCTION sec.caller() OWNER TO gate;
ALTER FUNCTION sec.caseworker() OWNER TO gate;
ALTER FUNCTION sec.auditing() OWNER TO gate;
ALTER FUNCTION sec.in_network() OWNER TO gate;
ALTER FUNCTION sec.directory_editor() OWNER TO gate;
