-- as: definer
-- Exports of an agency's own referrals (ADR 0118). A lead asks, another lead of the agency confirms
-- in person, and the background work writes the parts as the lead who asked, under their policies.
-- The role `app` has no right to the tables: each function asks who calls.

-- The agency, if the caller is a lead of it: in person, or named by a system with referrals:read.
CREATE FUNCTION sec.lead_agency_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF 'lead' = ANY ((sec.identity()).roles) THEN
        RETURN sec.caseworker_agency_id();
    END IF;
    RETURN NULL;
END $$;

-- Whether this member is a lead now. `jobs` asks as well, to end what is not theirs any more.
CREATE FUNCTION sec.is_live_lead(member uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.permissions_membership m
                    WHERE m.id = member AND m.live AND 'lead' = ANY (m.roles));
END $$;

-- Ask for one. A second one of the same lead violates one_export_a_lead: it is theirs alone.
CREATE FUNCTION sec.ask_export(
    export_id uuid, key jsonb, key_thumbprint text, sealed_credential bytea, ends timestamptz
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.lead_agency_id();
BEGIN
    IF mine IS NULL THEN
        RAISE EXCEPTION 'exports are for leads' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.bulk_export (id, agency_id, asked_by_id, system_id, public_key, thumbprint,
                                    credential, asked_at, ends_at)
    VALUES (export_id, mine, me.member_id, me.client_id, key, key_thumbprint, sealed_credential,
            sec.clock(), ends);
END $$;

-- The agency's exports, newest first, for its leads. Only who asked is shown how much there is:
-- another lead may not see all of what is in it, and would learn that there is more (R3).
CREATE FUNCTION sec.own_exports()
RETURNS TABLE (id uuid, asked_by_id uuid, asked_by_name text, system_name text, is_own boolean,
               confirmed_by_name text, thumbprint text, asked_at timestamptz,
               confirmed_at timestamptz, ready_at timestamptz, ends_at timestamptz,
               ended_at timestamptz, end_reason text, part_sizes int[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.lead_agency_id();
    now timestamptz := sec.clock();
BEGIN
    RETURN QUERY
    SELECT e.id, e.asked_by_id, a.name::text, k.name::text, e.asked_by_id = me.member_id,
           c.name::text, e.thumbprint, e.asked_at, e.confirmed_at, e.ready_at, e.ends_at,
           CASE WHEN e.ends_at <= now THEN coalesce(e.ended_at, e.ends_at) ELSE e.ended_at END,
           CASE WHEN e.ends_at <= now THEN coalesce(e.end_reason, 'expired')
                ELSE e.end_reason END,
           CASE WHEN e.asked_by_id = me.member_id THEN ARRAY(
                SELECT p.referrals FROM public.bulk_export_part p
                 WHERE p.export_id = e.id ORDER BY p.number) END
      FROM public.bulk_export e
      JOIN public.permissions_membership a ON a.id = e.asked_by_id
      LEFT JOIN public.permissions_membership c ON c.id = e.confirmed_by_id
      LEFT JOIN public.permissions_client k ON k.id = e.system_id
     WHERE e.agency_id = mine
     ORDER BY e.asked_at DESC, e.id DESC;
END $$;

-- Confirm one that another person asked for, as a lead in person. False: it is not so, or no longer
-- so, that it waits for this.
CREATE FUNCTION sec.confirm_export(export_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.lead_agency_id();
BEGIN
    UPDATE public.bulk_export e SET confirmed_by_id = me.member_id, confirmed_at = sec.clock()
     WHERE e.id = export_id AND e.agency_id = mine AND me.client_id IS NULL
       AND e.confirmed_at IS NULL AND e.ended_at IS NULL AND e.ends_at > sec.clock()
       AND me.person_id <> (SELECT m.person_id FROM public.permissions_membership m
                             WHERE m.id = e.asked_by_id);
    RETURN FOUND;
END $$;

-- End one, as any lead of the agency: refuse it, stop it, or delete it. Returns the sealed
-- credential, which is ended next; NULL: there is none to end. A part that is being written waits
-- for this, and this for the part.
CREATE FUNCTION sec.end_export(export_id uuid) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.lead_agency_id();
    sealed bytea;
BEGIN
    SELECT e.credential INTO sealed FROM public.bulk_export e
     WHERE e.id = export_id AND e.agency_id = mine AND e.ended_at IS NULL FOR UPDATE;
    UPDATE public.bulk_export e
       SET ended_at = sec.clock(), credential = NULL, after_at = NULL, after_id = NULL,
           end_reason = CASE WHEN e.asked_by_id = me.member_id THEN 'deleted' ELSE 'refused' END
     WHERE e.id = export_id AND e.agency_id = mine AND e.ended_at IS NULL;
    DELETE FROM public.bulk_export_part p USING public.bulk_export e
     WHERE e.id = end_export.export_id AND e.agency_id = mine AND p.export_id = e.id;
    RETURN sealed;
END $$;

-- A part of one that is ready, for the lead who asked for it. NULL: there is none.
CREATE FUNCTION sec.export_part(export_id uuid, part int) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.lead_agency_id();
BEGIN
    RETURN (SELECT p.sealed FROM public.bulk_export e
              JOIN public.bulk_export_part p ON p.export_id = e.id AND p.number = part
             WHERE e.id = export_part.export_id AND e.agency_id = mine
               AND e.asked_by_id = me.member_id AND e.ready_at IS NOT NULL
               AND e.ended_at IS NULL AND e.ends_at > sec.clock());
END $$;

-- Where an export that may go on goes on, with its key; it is locked until the transaction ends.
-- The caller is its own credential: the lead who asked, still a lead, by the system that asked if
-- one did. The lead who confirmed it is still one. No row: it does not go on.
CREATE FUNCTION sec.next_export_part(export_id uuid)
RETURNS TABLE (part int, after_at timestamptz, after_id uuid, public_key jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.lead_agency_id();
BEGIN
    RETURN QUERY
    SELECT (SELECT count(*)::int + 1 FROM public.bulk_export_part p WHERE p.export_id = e.id),
           e.after_at, e.after_id, e.public_key
      FROM public.bulk_export e
     WHERE e.id = next_export_part.export_id AND e.agency_id = mine
       AND e.asked_by_id = me.member_id AND e.system_id IS NOT DISTINCT FROM me.client_id
       AND e.confirmed_at IS NOT NULL AND e.ready_at IS NULL AND e.ended_at IS NULL
       AND e.ends_at > sec.clock() AND sec.is_live_lead(e.confirmed_by_id)
       FOR UPDATE OF e;
END $$;

-- Store the next part, and where it ended. `is_last`: the export is ready, nothing of it can act as
-- the lead any more, and it ends at `ends`. `row_id` NULL: there was nothing left.
CREATE FUNCTION sec.store_export_part(
    export_id uuid, row_id uuid, part int, size int, content text, last_at timestamptz,
    last_id uuid, is_last boolean, ends timestamptz
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM sec.next_export_part(export_id) n
                    WHERE n.part = store_export_part.part) THEN
        RAISE EXCEPTION 'no such part' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF row_id IS NOT NULL THEN
        INSERT INTO public.bulk_export_part (id, export_id, number, referrals, sealed)
        VALUES (row_id, export_id, part, size, content);
    END IF;
    UPDATE public.bulk_export e
       SET after_at = CASE WHEN NOT is_last THEN last_at END,
           after_id = CASE WHEN NOT is_last THEN last_id END,
           ready_at = CASE WHEN is_last THEN sec.clock() END,
           credential = CASE WHEN NOT is_last THEN e.credential END,
           ends_at = CASE WHEN is_last THEN ends ELSE e.ends_at END
     WHERE e.id = store_export_part.export_id;
END $$;

REVOKE ALL ON FUNCTION sec.lead_agency_id(), sec.is_live_lead(uuid),
    sec.ask_export(uuid, jsonb, text, bytea, timestamptz), sec.own_exports(),
    sec.confirm_export(uuid), sec.end_export(uuid), sec.export_part(uuid, int),
    sec.next_export_part(uuid), sec.store_export_part(uuid, uuid, int, int, text, timestamptz,
    uuid, boolean, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.ask_export(uuid, jsonb, text, bytea, timestamptz), sec.own_exports(),
    sec.confirm_export(uuid), sec.end_export(uuid), sec.export_part(uuid, int),
    sec.next_export_part(uuid), sec.store_export_part(uuid, uuid, int, int, text, timestamptz,
    uuid, boolean, timestamptz) TO app;
GRANT EXECUTE ON FUNCTION sec.is_live_lead(uuid) TO jobs;
