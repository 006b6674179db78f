-- as: definer
-- Which folder of keys this database's servers use (ADR 0098; permissions/keys/key_folder.py). A
-- server asks with the mark that it reads in its own folder, and with a code for itself. No secret
-- is among them: a mark is a name and a count.

-- What the mark says: `current`: it is the folder of this database, and this server may mark it;
-- `joining`: the same, but another server is at work and its next mark has to be seen first, since
-- a copy bears the same mark; `behind`: an older copy, or another folder; `unnamed`: neither folder
-- nor database has a mark yet. `live`: a server marked
-- its folder within the last half minute. `due`: the next mark may be written. A folder whose mark
-- is ahead is the right one: the database was restored, or a server was killed behind its mark.
CREATE FUNCTION sec.see_key_folder(
    host text, store text, counter bigint, nonce text,
    OUT state text, OUT counter_kept bigint, OUT live boolean, OUT due boolean
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    now timestamptz := clock_timestamp();
    kept public.key_folder%ROWTYPE;
    known public.key_host%ROWTYPE;
    born boolean;
    ahead boolean;
BEGIN
    INSERT INTO public.key_folder (only_row, store, counter, nonce, marked_at)
    SELECT true, see_key_folder.store, see_key_folder.counter, see_key_folder.nonce, now
     WHERE see_key_folder.nonce <> '' AND NOT EXISTS (SELECT FROM public.key_folder)
    ON CONFLICT DO NOTHING;
    born := FOUND;
    SELECT * INTO kept FROM public.key_folder;
    counter_kept := kept.counter;
    live := coalesce(kept.marked_at > now - interval '30 seconds', false);
    due := coalesce(kept.marked_at < now - interval '5 seconds', false);
    ahead := coalesce(see_key_folder.store = kept.store
                      AND see_key_folder.counter > kept.counter, false);
    IF ahead THEN
        PERFORM FROM public.key_folder f WHERE f.counter = kept.counter FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE public.key_folder f
               SET counter = see_key_folder.counter, nonce = see_key_folder.nonce,
                   marked_at = now;
        END IF;
    ELSIF kept.nonce IS NULL THEN
        state := 'unnamed';
        RETURN;
    ELSIF (see_key_folder.store, see_key_folder.counter,
           see_key_folder.nonce) <> (kept.store, kept.counter, kept.nonce) THEN
        state := 'behind';
        RETURN;
    END IF;
    SELECT * INTO known FROM public.key_host h WHERE h.host = see_key_folder.host;
    IF known.host IS NULL OR known.seen_at < now - interval '2 minutes' THEN
        DELETE FROM public.key_host h WHERE h.seen_at < now - interval '7 days';
        INSERT INTO public.key_host AS h (host, since_counter, proven, seen_at)
        VALUES (see_key_folder.host, see_key_folder.counter, born OR ahead OR NOT live, now)
        ON CONFLICT ON CONSTRAINT key_host_pkey DO UPDATE
           SET since_counter = EXCLUDED.since_counter, proven = EXCLUDED.proven,
               seen_at = EXCLUDED.seen_at
        RETURNING h.* INTO known;
    ELSE
        UPDATE public.key_host h
           SET seen_at = now, proven = h.proven OR NOT live OR ahead
                                       OR see_key_folder.counter > h.since_counter
         WHERE h.host = see_key_folder.host
        RETURNING h.* INTO known;
    END IF;
    state := CASE WHEN known.proven THEN 'current' ELSE 'joining' END;
END $$;

-- Whether a key may be made or ended now: the folder is the one of this database, and this server
-- has been let in, or no other is at work. Writes nothing.
CREATE FUNCTION sec.is_key_folder(host text, store text, counter bigint, nonce text)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT NOT EXISTS (SELECT FROM public.key_folder) OR EXISTS (
        SELECT FROM public.key_folder f
         WHERE f.store = is_key_folder.store
           AND (f.counter < is_key_folder.counter
                OR (f.counter, f.nonce) = (is_key_folder.counter, is_key_folder.nonce))
           AND (f.marked_at <= clock_timestamp() - interval '30 seconds' OR EXISTS (
                SELECT FROM public.key_host h
                 WHERE h.host = is_key_folder.host AND h.proven
                   AND h.seen_at > clock_timestamp() - interval '2 minutes')))
$$;

-- Remember the mark that was just written into the folder in place of the one with this count
-- and nonce. NULL: in place of whichever there is, for `host`, whose folder counts from now on.
CREATE FUNCTION sec.mark_key_folder(
    host text, store text, counter bigint, nonce text, old_counter bigint, old_nonce text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.key_folder f
       SET store = mark_key_folder.store, counter = mark_key_folder.counter,
           nonce = mark_key_folder.nonce, marked_at = clock_timestamp()
     WHERE old_nonce IS NULL OR (f.counter, f.nonce) = (old_counter, old_nonce);
    IF old_nonce IS NULL THEN
        UPDATE public.key_host h SET proven = false;
        INSERT INTO public.key_host (host, since_counter, proven, seen_at)
        VALUES (mark_key_folder.host, mark_key_folder.counter, true, clock_timestamp())
        ON CONFLICT ON CONSTRAINT key_host_pkey DO UPDATE
           SET proven = true, since_counter = EXCLUDED.since_counter, seen_at = EXCLUDED.seen_at;
    END IF;
END $$;

-- The identity of the folder and the count of its last mark; no row: none was ever seen.
CREATE FUNCTION sec.kept_key_folder(OUT store text, OUT counter bigint)
RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT f.store, f.counter FROM public.key_folder f
$$;

-- The servers that were seen with the folder within the last two minutes.
CREATE FUNCTION sec.key_hosts() RETURNS TABLE (host text, proven boolean, seen_s double precision)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT h.host, h.proven,
           extract(epoch FROM clock_timestamp() - h.seen_at)::double precision
      FROM public.key_host h
     WHERE h.seen_at > clock_timestamp() - interval '2 minutes' ORDER BY h.host
$$;

-- Every version of a key that something is wrapped by.
CREATE FUNCTION sec.named_keys() RETURNS TABLE (owner uuid, version int)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT agency_id, kek_version FROM public.packet_grant WHERE key_bundle IS NOT NULL
    UNION SELECT agency_id, kek_version FROM public.private_key
    UNION SELECT agency_id, kek_version FROM public.returned WHERE key_bundle IS NOT NULL
    UNION SELECT agency_id, kek_version FROM public.record_number
    UNION SELECT agency_id, kek_version FROM public.webhook_secret
    UNION SELECT agency_id, kek_version FROM public.directory_confidential_address
    UNION SELECT agency_id, kek_version FROM public.directory_earlier_text
$$;

REVOKE ALL ON FUNCTION
    sec.see_key_folder(text, text, bigint, text),
    sec.is_key_folder(text, text, bigint, text),
    sec.mark_key_folder(text, text, bigint, text, bigint, text),
    sec.kept_key_folder(), sec.key_hosts(),
    sec.named_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.see_key_folder(text, text, bigint, text),
    sec.is_key_folder(text, text, bigint, text),
    sec.mark_key_folder(text, text, bigint, text, bigint, text),
    sec.kept_key_folder(), sec.key_hosts() TO app, editor, jobs, sealer;
GRANT EXECUTE ON FUNCTION sec.named_keys() TO app, jobs;
