-- Words of both languages, stemmed, accents ignored: text is indexed in both, asked in both.

CREATE TEXT SEARCH CONFIGURATION directory_en (COPY = english);
ALTER TEXT SEARCH CONFIGURATION directory_en
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem;
CREATE TEXT SEARCH CONFIGURATION directory_es (COPY = spanish);
ALTER TEXT SEARCH CONFIGURATION directory_es
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, spanish_stem;

CREATE FUNCTION directory_words(body text) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT to_tsvector('directory_en', body) || to_tsvector('directory_es', body)
$$;

-- What was asked for, read as English or as Spanish; a leading minus works as usual.
CREATE FUNCTION directory_asked(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT websearch_to_tsquery('directory_en', asked)
        || websearch_to_tsquery('directory_es', asked)
$$;

-- The plain words of a text: no accents, lower case, long enough to be misspelt.
CREATE FUNCTION directory_plain_words(body text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT DISTINCT word
      FROM regexp_split_to_table(lower(unaccent(body)), '[^[:alnum:]]+') word
     WHERE length(word) BETWEEN 4 AND 30 AND word !~ '[0-9]'
$$;

-- Words of public entries, for spelling. In order, so that two at once do not wait in a circle.
CREATE FUNCTION directory_learn(body text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO directory_word (word) SELECT w FROM directory_plain_words(body) w ORDER BY w
    ON CONFLICT DO NOTHING
$$;

-- Of these words those that no public entry has any longer: a hidden name must not be guessed.
CREATE FUNCTION directory_forget(body text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM directory_word
     WHERE word IN (SELECT directory_plain_words(body))
       AND NOT EXISTS (SELECT FROM directory_place p
                        WHERE p.first AND p.open AND p.search @@ directory_asked(word))
$$;

-- What was asked for where nothing has it as written: each word or the known words most like it.
-- 0.4: "sheltr" is 0.56 like "shelter", "trafiking" 0.5 like "trafficking".
CREATE FUNCTION directory_respelt(asked text) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
DECLARE
    found tsquery;
    one tsquery;
    spelt text;
    near text;
BEGIN
    FOR spelt IN SELECT w FROM regexp_split_to_table(lower(unaccent(asked)), '[^[:alnum:]]+') w
                 WHERE w <> '' LIMIT 8 LOOP
        one := directory_asked(spelt);
        FOR near IN SELECT k.word FROM directory_word k
                     WHERE length(spelt) >= 4 AND k.word <> spelt AND k.word % spelt
                       AND similarity(k.word, spelt) >= 0.4
                     ORDER BY similarity(k.word, spelt) DESC, k.word LIMIT 3 LOOP
            one := CASE WHEN numnode(one) = 0 THEN directory_asked(near)
                        ELSE one || directory_asked(near) END;
        END LOOP;
        IF numnode(one) > 0 THEN
            found := CASE WHEN found IS NULL THEN one ELSE found && one END;
        END IF;
    END LOOP;
    RETURN coalesce(found, ''::tsquery);
END $$;

-- A point on the unit sphere; chords between points grow with the distance between the places.
CREATE FUNCTION directory_point(latitude float, longitude float) RETURNS cube
LANGUAGE sql IMMUTABLE AS $$
    SELECT cube(ARRAY[cos(radians(latitude)) * cos(radians(longitude)),
                      cos(radians(latitude)) * sin(radians(longitude)),
                      sin(radians(latitude))])
$$;

-- Metres over the sphere (mean radius 6,371,008.8 m, IUGG) from a chord of the unit sphere.
CREATE FUNCTION directory_metres(chord float) RETURNS float LANGUAGE sql IMMUTABLE AS $$
    SELECT 2 * 6371008.8 * asin(least(1, chord / 2))
$$;
CREATE FUNCTION directory_chord(metres float) RETURNS float LANGUAGE sql IMMUTABLE AS $$
    SELECT 2 * sin(least(pi() / 2, metres / (2 * 6371008.8)))
$$;

-- Nearest first among those that bear the words: the signature of the words beside the point lets
-- the walk pass by most of what does not fit without looking at the row. The condition keeps the
-- planner from taking it where no distance is asked for: there GIN is much better.
CREATE INDEX place_near ON directory_place USING gist (point, search tsvector_ops (siglen = 256))
    WHERE open AND point IS NOT NULL;

-- What is confidential stands nowhere (R4): no order of distances tells where.
ALTER TABLE directory_network_place ADD CONSTRAINT network_place_is_nowhere CHECK (point IS NULL);

-- One row in sixteen, by its id. GIN reads all rows that bear a word before it gives the first: of
-- a common word that is more with every service, of the sample next to nothing. What many of the
-- sample bear, many bear; what few of it bear, few enough bear to be read to the end.
CREATE INDEX place_sample ON directory_place
    USING gin (search, named, facets, taxonomy_term_ids)
    WHERE open AND first AND uuid_hash(id) & 15 = 0;

-- Confidential entries that bear these words (in their names, or only elsewhere), needs and facets,
-- `most` of them (NULL: all). Row security lets no index answer `@@` and `@>`, which are not
-- leakproof; gate may use them, and asks itself first who is there. NULL: anything will do.
CREATE FUNCTION sec.network_places(
    words tsquery, in_names boolean, needs uuid[], facets text[], at_place boolean, most integer
) RETURNS SETOF directory_network_place
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100 AS $$
DECLARE
    wanted text := CASE WHEN at_place THEN 'p.location_id IS NOT NULL' ELSE 'p.first' END;
BEGIN
    IF sec.in_network() THEN
        IF words IS NOT NULL THEN
            wanted := wanted || CASE WHEN in_names THEN ' AND p.named @@ $1'
                                     ELSE ' AND p.search @@ $1 AND NOT p.named @@ $1' END;
        END IF;
        IF needs IS NOT NULL THEN
            wanted := wanted || ' AND p.taxonomy_term_ids @> $2';
        END IF;
        IF facets IS NOT NULL THEN
            wanted := wanted || ' AND p.facets @> $3';
        END IF;
        RETURN QUERY EXECUTE
            'SELECT p.* FROM public.directory_network_place p WHERE p.open AND ' || wanted
            || ' LIMIT $4' USING words, needs, facets, most;
    END IF;
END $$;
REVOKE ALL ON FUNCTION
    sec.network_places(tsquery, boolean, uuid[], text[], boolean, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.network_places(tsquery, boolean, uuid[], text[], boolean, integer) TO app;
ALTER FUNCTION sec.network_places(tsquery, boolean, uuid[], text[], boolean, integer)
    OWNER TO gate;

-- The vectors are looked at row by row, and what is not in the row costs four pages more.
ALTER TABLE directory_place ALTER search SET STORAGE MAIN, ALTER named SET STORAGE MAIN;
ALTER TABLE directory_place SET (toast_tuple_target = 4080);
ALTER TABLE directory_network_place ALTER search SET STORAGE MAIN, ALTER named SET STORAGE MAIN;
ALTER TABLE directory_network_place SET (toast_tuple_target = 4080);
