-- as: definer
-- Which credentials are live. Every policy asks who is calling, so the answer must take one look at
-- one row. These triggers, and nothing else, write into the credential what depends on other rows
-- (the agency, the person, the client). A credential is issued under the same lock as such a
-- change: each waits for the other, so none is issued on facts that have just changed.

CREATE FUNCTION sec.set_member_live() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7003, 0);
    NEW.live := NEW.active AND EXISTS (
        SELECT FROM public.permissions_person p WHERE p.id = NEW.person_id AND p.is_active)
        AND sec.may_practice(NEW.agency_id, NEW.person_id, NEW.roles);
    RETURN NEW;
END $$;

-- Whether a member of this agency may be live by what they are elsewhere. A live agency asks for
-- nothing. In an exercise a person is what they are now in the agency that they practice for, or
-- less. An agency of the drill practices for itself (permissions/practice/drill.py).
CREATE FUNCTION sec.may_practice(agency uuid, person uuid, their_roles text[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    home uuid := (SELECT a.practice_of_id FROM public.permissions_agency a WHERE a.id = agency);
BEGIN
    RETURN home IS NULL OR home = agency OR EXISTS (
        SELECT FROM public.permissions_membership m
          JOIN public.permissions_agency h ON h.id = m.agency_id AND h.active
         WHERE m.agency_id = home AND m.person_id = person AND m.live AND m.roles @> their_roles);
END $$;

-- `left_roles`: the roles at sign-in that the member still has. A client's credential has none.
CREATE FUNCTION sec.set_credential_live() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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
    IF NOT NEW.live THEN  -- for good: a return revives no credential
        NEW.ended_at := coalesce(NEW.ended_at, sec.clock());
    END IF;
    RETURN NEW;
END $$;

-- A row that credentials depend on has changed: evaluate them again before the change commits.
CREATE FUNCTION sec.refresh_credentials() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7003, 0);
    IF TG_RELID = 'public.permissions_agency'::regclass THEN
        UPDATE public.credential SET live = live WHERE agency_id = NEW.id;
        UPDATE public.permissions_membership SET live = live WHERE agency_id IN (
            SELECT p.id FROM public.permissions_agency p WHERE p.practice_of_id = NEW.id);
    ELSIF TG_RELID = 'public.permissions_client'::regclass THEN
        UPDATE public.credential SET live = live WHERE client_id = NEW.id;
    ELSIF TG_RELID = 'public.permissions_membership'::regclass THEN
        UPDATE public.credential SET live = live WHERE membership_id = NEW.id;
        UPDATE public.permissions_membership SET live = live
         WHERE person_id = NEW.person_id AND agency_id IN (
            SELECT p.id FROM public.permissions_agency p
             WHERE p.practice_of_id = NEW.agency_id AND p.id <> NEW.agency_id);
    ELSE  -- a person: their memberships first, whose triggers then come here
        UPDATE public.permissions_membership SET live = live WHERE person_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION sec.set_member_live(), sec.set_credential_live(),
    sec.may_practice(uuid, uuid, text[]), sec.refresh_credentials() FROM PUBLIC;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.set_member_live(), sec.set_credential_live(),
    sec.refresh_credentials() TO owner;
