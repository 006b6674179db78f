-- as: definer
-- Who is asking. The database resolves it from the live credential, at every statement. Functions
-- that read on behalf of others belong to `definer` (no log-in); all names are schema-qualified.

-- The live identity of this transaction, or NULL. It reads the credential, and a second row if a
-- client names staff. `cairn.token` is the hex SHA-256 of the secret; `cairn.acting` is the member
-- of staff that a client names (R15). A setting local to an earlier transaction reads back as '',
-- one never set as NULL: both find nothing.
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

-- What binds the caller's rows, for the server to prove (permissions/identity/credentials.py): of
-- the credential, and of the membership that a client names. Always one row.
CREATE FUNCTION sec.caller_binding(
    OUT membership_id uuid, OUT roles text[], OUT created_at timestamptz,
    OUT expires_at timestamptz, OUT mac bytea, OUT acting_version int, OUT acting_mac bytea,
    OUT acting_staff_ref text
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    staff text := current_setting('cairn.acting', true);
    mine uuid;
BEGIN
    SELECT c.membership_id, c.roles, c.created_at, c.expires_at, c.mac, c.agency_id
      INTO membership_id, roles, created_at, expires_at, mac, mine
      FROM public.credential c
     WHERE c.hash = decode(current_setting('cairn.token', true), 'hex');
    IF staff <> '' THEN
        SELECT b.version, b.mac, m.staff_ref INTO acting_version, acting_mac, acting_staff_ref
          FROM public.permissions_membership m
          JOIN public.row_mac b ON b.kind = 'membership' AND b.row_id = m.id
         WHERE m.id = staff::uuid AND m.agency_id = mine;
    END IF;
END $$;

-- The id, as text, of the live member with this staff number in the agency of the calling system,
-- for `cairn.acting` of the same packet. An id of no one where there is none. Empty for people, who
-- name no one. Call it while `cairn.acting` is empty.
CREATE FUNCTION sec.acting_id_of(staff_number text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        RETURN '';
    END IF;
    RETURN coalesce((
        SELECT m.id::text FROM public.permissions_membership m
         WHERE m.agency_id = me.agency_id AND m.staff_ref = staff_number AND m.active AND m.live),
        '00000000-0000-0000-0000-000000000000');
END $$;

-- The calling agency, whether a member or a client acts for it.
CREATE FUNCTION sec.current_agency_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (sec.identity()).agency_id;
END $$;

-- The calling agency, if the caller may see referrals at all: a worker or lead, or a client with
-- referrals:read (whose named staff, if any, is a worker or lead).
CREATE FUNCTION sec.caseworker_agency_id()
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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

-- The agency whose own members' and clients' entries the caller may review.
CREATE FUNCTION sec.auditor_agency_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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

-- Whether the caller belongs to the network, which may know confidential entries (T1): a member who
-- is not an auditor, or a client with directory:read.
CREATE FUNCTION sec.is_in_network() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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
-- directory:write (whose named staff, if any, is one). sec.is_editor_of says which entries.
CREATE FUNCTION sec.directory_editor_agency_id() RETURNS uuid
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

-- The member, if they ask in person. A system that names a member cannot read their private number.
CREATE FUNCTION sec.current_member_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        RETURN me.member_id;
    END IF;
    RETURN NULL;
END $$;

-- The agency, if the caller is its administrator.
CREATE FUNCTION sec.administrator_agency_id()
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL AND 'agency_admin' = ANY (me.roles) THEN
        RETURN me.agency_id;
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION sec.identity(), sec.caller_binding(), sec.acting_id_of(text),
    sec.current_agency_id(),
    sec.caseworker_agency_id(), sec.auditor_agency_id(), sec.is_in_network(),
    sec.directory_editor_agency_id(), sec.current_member_id(),
    sec.administrator_agency_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.identity() TO app, editor, auditor;
GRANT EXECUTE ON FUNCTION sec.caller_binding(), sec.acting_id_of(text) TO app;
GRANT EXECUTE ON FUNCTION sec.current_agency_id(), sec.caseworker_agency_id(),
    sec.auditor_agency_id() TO app, auditor;
GRANT EXECUTE ON FUNCTION sec.is_in_network(), sec.current_member_id(),
    sec.administrator_agency_id() TO app;
GRANT EXECUTE ON FUNCTION sec.directory_editor_agency_id() TO editor;
