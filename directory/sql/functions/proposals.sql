-- as: definer
-- Entries that wait for a second person (directory/editing/proposals.py). An editor who may publish
-- any name at once can put their own number under that of another agency.

-- A name for comparison: lower case, without accents and punctuation.
CREATE FUNCTION sec.plain_name(name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN btrim(regexp_replace(lower(public.unaccent(name)), '[^[:alnum:]]+', ' ', 'g'));
END $$;

-- Whether a reader could take one name for the other.
CREATE FUNCTION sec.is_like_name(one text, other text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sec.plain_name(one) = sec.plain_name(other)
        OR public.similarity(sec.plain_name(one), sec.plain_name(other)) >= 0.6;
END $$;

-- Why a second person must review an organization or service under these names, which the calling
-- agency is about to write: it takes referrals, or it resembles another agency or organization.
-- `resembles`: the agencies that are meant, or edit what is. Nothing where neither its names change
-- nor an agency begins to answer for it.
CREATE FUNCTION sec.review_reasons(
    entity text, entry uuid, organization uuid, names text[], answered uuid,
    OUT reasons text[], OUT resembles uuid[]
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.directory_editor_agency_id();
    before text[];
    answered_before uuid;
    organizations uuid[];
BEGIN
    reasons := '{}';
    resembles := '{}';
    IF entity = 'service' THEN
        SELECT ARRAY[s.name, s.alternate_name], s.answered_by_id INTO before, answered_before
          FROM public.directory_service s WHERE s.id = entry;
    ELSE
        SELECT ARRAY[o.name, o.alternate_name] INTO before
          FROM public.directory_organization o WHERE o.id = entry;
    END IF;
    IF before = names AND (answered IS NULL OR answered = answered_before) THEN
        RETURN;
    END IF;
    IF answered IS NOT NULL OR (entity = 'organization' AND EXISTS (
            SELECT FROM public.directory_service s
             WHERE s.organization_id = entry AND s.answered_by_id IS NOT NULL)) THEN
        reasons := reasons || 'takes_referrals'::text;
    END IF;
    IF before IS DISTINCT FROM names THEN
        SELECT array_agg(o.id) INTO organizations FROM public.directory_organization o
         WHERE o.id <> organization AND NOT sec.is_editor_of(o.id)
           AND EXISTS (SELECT FROM unnest(names) n
                        WHERE n <> '' AND (sec.is_like_name(n, o.name)
                           OR (o.alternate_name <> '' AND sec.is_like_name(n, o.alternate_name))));
        resembles := ARRAY(
            SELECT a.id FROM public.permissions_agency a
             WHERE a.id <> mine AND a.active AND a.exercise_id IS NULL AND EXISTS (
                   SELECT FROM unnest(names) n WHERE n <> '' AND sec.is_like_name(n, a.name))
            UNION
            SELECT e.agency_id FROM public.directory_editing e
             WHERE e.content_object_id = ANY (organizations));
        IF organizations IS NOT NULL OR resembles <> '{}' THEN
            reasons := reasons || 'resembles_another'::text;
        END IF;
    END IF;
END $$;

-- Raise an error where a second person has to review these names and has not. This is the second
-- wall of the review; an approval is good for a month, for exactly these names.
CREATE FUNCTION sec.require_reviewed(
    entity text, entry uuid, organization uuid, names text[], answered uuid
) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF (SELECT r.reasons FROM sec.review_reasons(entity, entry, organization, names, answered) r)
           <> '{}'
       AND NOT EXISTS (
            SELECT FROM public.directory_proposal p
             WHERE p."table" = entity AND p.entry_id = entry AND p.names = require_reviewed.names
               AND p.answered_by_id IS NOT DISTINCT FROM answered AND p.state = 'approved'
               AND p.agency_id = sec.directory_editor_agency_id()
               AND p.decided_at > sec.clock() - interval '30 days') THEN
        RAISE EXCEPTION 'it waits for review' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE FUNCTION sec.check_reviewed_service() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.require_reviewed('service', NEW.id, NEW.organization_id,
                                 ARRAY[NEW.name, NEW.alternate_name], NEW.answered_by_id);
    RETURN NEW;
END $$;

CREATE FUNCTION sec.check_reviewed_organization() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.require_reviewed('organization', NEW.id, NEW.id,
                                 ARRAY[NEW.name, NEW.alternate_name], NULL);
    RETURN NEW;
END $$;

-- Store a change that waits, in place of an earlier one of the same entry.
CREATE FUNCTION sec.propose_entry(row_of jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    agency uuid := sec.directory_editor_agency_id();
    fresh public.directory_proposal :=
        jsonb_populate_record(NULL::public.directory_proposal, row_of);
BEGIN
    IF agency IS NULL THEN
        RAISE EXCEPTION 'not a directory editor' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.directory_proposal p SET state = 'replaced'
     WHERE p."table" = fresh."table" AND p.entry_id = fresh.entry_id AND p.agency_id = agency
       AND p.state IN ('waiting', 'approved');
    SELECT r.reasons, r.resembles INTO fresh.reasons, fresh.resembles
      FROM sec.review_reasons(fresh."table", fresh.entry_id, fresh.organization_id, fresh.names,
                              fresh.answered_by_id) r;
    fresh.agency_id := agency;
    fresh.member_id := me.member_id;
    fresh.client_id := me.client_id;
    fresh.at := sec.clock();
    fresh.state := 'waiting';
    fresh.decided_by := NULL;
    fresh.decided_at := NULL;
    INSERT INTO public.directory_proposal SELECT fresh.*;
END $$;

-- Whether the caller may decide on it: not its author, in person, and a lead or directory editor of
-- the author's agency, a directory editor of an agency that it resembles, or the outside reviewer.
CREATE FUNCTION sec.may_review_entry(p directory_proposal) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NOT NULL OR p.state <> 'waiting' OR EXISTS (
        SELECT FROM public.permissions_membership m
         WHERE m.id = p.member_id AND m.person_id = me.person_id) THEN
        RETURN false;
    ELSIF me.agency_id = p.agency_id THEN
        RETURN coalesce(me.roles && ARRAY['lead', 'directory_editor'], false);
    ELSIF me.agency_id = ANY (p.resembles) AND 'directory_editor' = ANY (me.roles) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM public.permissions_agency a
                    WHERE a.id = p.agency_id AND a.outside_reviewer_id = me.member_id);
END $$;

-- What waits, or is approved and not published yet, of the caller's agency, and what the caller may
-- decide on.
CREATE FUNCTION sec.entry_proposals()
RETURNS TABLE (id uuid, at timestamptz, "table" text, entry_id uuid, organization_id uuid,
    names text[], answered_by uuid, reasons text[], agency_id uuid, member_id uuid, state text,
    may_decide boolean, ours boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    staff boolean := coalesce(me.roles && ARRAY['lead', 'directory_editor'], false)
        OR (me.member_id IS NULL AND 'directory:write' = ANY (me.scopes));
BEGIN
    RETURN QUERY
    SELECT p.id, p.at, p."table", p.entry_id, p.organization_id, p.names, p.answered_by_id,
           p.reasons, p.agency_id, CASE WHEN p.agency_id = me.agency_id THEN p.member_id END,
           p.state, sec.may_review_entry(p), p.agency_id = me.agency_id
      FROM public.directory_proposal p
     WHERE p.state IN ('waiting', 'approved')
       AND ((p.agency_id = me.agency_id AND staff) OR sec.may_review_entry(p))
     ORDER BY p.at, p.id LIMIT 100;
END $$;

-- Approve or reject it. Returns which entry it is, or nothing where the caller may not decide.
CREATE FUNCTION sec.decide_proposal(proposal uuid, approve boolean)
RETURNS TABLE (agency_id uuid, entry_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN QUERY
    UPDATE public.directory_proposal p
       SET state = CASE WHEN approve THEN 'approved' ELSE 'rejected' END,
           decided_by = me.member_id, decided_at = sec.clock()
     WHERE p.id = proposal AND sec.may_review_entry(p)
    RETURNING p.agency_id, p.entry_id;
END $$;

-- Mark an approved change as published, once the entry says what was approved.
CREATE FUNCTION sec.publish_proposal(entity text, entry uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.directory_proposal p SET state = 'published'
     WHERE p."table" = entity AND p.entry_id = entry AND p.state = 'approved'
       AND p.agency_id = sec.directory_editor_agency_id()
       AND CASE entity WHEN 'service' THEN EXISTS (
               SELECT FROM public.directory_service s
                WHERE s.id = entry AND ARRAY[s.name, s.alternate_name] = p.names
                  AND s.answered_by_id IS NOT DISTINCT FROM p.answered_by_id)
           ELSE EXISTS (
               SELECT FROM public.directory_organization o
                WHERE o.id = entry AND ARRAY[o.name, o.alternate_name] = p.names) END;
END $$;

REVOKE ALL ON FUNCTION sec.plain_name(text), sec.is_like_name(text, text),
    sec.review_reasons(text, uuid, uuid, text[], uuid),
    sec.require_reviewed(text, uuid, uuid, text[], uuid), sec.check_reviewed_service(),
    sec.check_reviewed_organization(), sec.propose_entry(jsonb),
    sec.may_review_entry(directory_proposal), sec.entry_proposals(),
    sec.decide_proposal(uuid, boolean), sec.publish_proposal(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.review_reasons(text, uuid, uuid, text[], uuid),
    sec.propose_entry(jsonb), sec.publish_proposal(text, uuid) TO editor;
GRANT EXECUTE ON FUNCTION sec.entry_proposals(), sec.decide_proposal(uuid, boolean) TO app;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.check_reviewed_service(),
    sec.check_reviewed_organization() TO owner;
