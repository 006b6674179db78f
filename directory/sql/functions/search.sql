-- as: owner
-- Words of both languages, stemmed, accents ignored: text is indexed and searched in both.

CREATE FUNCTION directory_words(body text) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT to_tsvector('directory_en', body) || to_tsvector('directory_es', body)
$$;

-- The query, read as English or as Spanish; a leading minus works as usual.
CREATE FUNCTION directory_query(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT websearch_to_tsquery('directory_en', asked)
        || websearch_to_tsquery('directory_es', asked)
$$;

-- The plain words of a text: no accents, lower case, long enough to be misspelled.
CREATE FUNCTION directory_plain_words(body text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT DISTINCT word
      FROM regexp_split_to_table(lower(unaccent(body)), '[^[:alnum:]]+') word
     WHERE length(word) BETWEEN 4 AND 30 AND word !~ '[0-9]'
$$;

-- Add words of public entries, for spelling. They are sorted so that two sessions cannot deadlock.
CREATE FUNCTION directory_add_words(body text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO directory_word (word) SELECT w FROM directory_plain_words(body) w ORDER BY w
    ON CONFLICT DO NOTHING
$$;

-- Remove those of these words that no public entry has any longer: a hidden name must not be
-- guessed.
CREATE FUNCTION directory_remove_words(body text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM directory_word
     WHERE word IN (SELECT directory_plain_words(body))
       AND NOT EXISTS (SELECT FROM directory_place p
                        WHERE p.first AND p.open AND p.search @@ directory_query(word))
$$;

-- The words of a query that say something, at most eight: each as written, or as the known words
-- most like it. A word that either language leaves out ("for", "de") says nothing. The limit of
-- likeness is 0.4: "sheltr" is 0.56 like "shelter", "trafiking" 0.5 like "trafficking".
CREATE FUNCTION directory_spelt_words(asked text) RETURNS tsquery[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    found tsquery[] := '{}';
    one tsquery;
    spelt text;
    near text;
BEGIN
    FOR spelt IN SELECT w FROM regexp_split_to_table(lower(unaccent(asked)), '[^[:alnum:]]+') w
                 WHERE w <> '' LIMIT 8 LOOP
        CONTINUE WHEN 0 IN (numnode(websearch_to_tsquery('directory_en', spelt)),
                            numnode(websearch_to_tsquery('directory_es', spelt)));
        one := directory_query(spelt);
        FOR near IN SELECT k.word FROM directory_word k
                     WHERE length(spelt) >= 4 AND k.word <> spelt AND k.word % spelt
                       AND similarity(k.word, spelt) >= 0.4
                     ORDER BY similarity(k.word, spelt) DESC, k.word LIMIT 3 LOOP
            one := one || directory_query(near);
        END LOOP;
        found := found || one;
    END LOOP;
    RETURN found;
END $$;

-- The query for words that match nothing as written: `asked` without any `missing` of its words,
-- each as directory_spelt_words has it. Empty if no word is left.
CREATE FUNCTION directory_query_without(asked text, missing int) RETURNS tsquery
LANGUAGE plpgsql STABLE AS $$
DECLARE
    words tsquery[] := directory_spelt_words(asked);
    most int := coalesce(array_length(words, 1), 0);
    found tsquery;
    these tsquery;
BEGIN
    IF most - missing < 1 THEN
        RETURN ''::tsquery;
    END IF;
    FOR chosen IN 0 .. (1 << most) - 1 LOOP  -- each bit a word
        CONTINUE WHEN bit_count(chosen::bit(8)) <> most - missing;
        these := NULL;
        FOR place IN 1 .. most LOOP
            IF chosen & (1 << (place - 1)) <> 0 THEN
                these := CASE WHEN these IS NULL THEN words[place] ELSE these && words[place] END;
            END IF;
        END LOOP;
        found := CASE WHEN found IS NULL THEN these ELSE found || these END;
    END LOOP;
    RETURN coalesce(found, ''::tsquery);
END $$;

CREATE FUNCTION directory_respelled_query(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT directory_query_without(asked, 0)
$$;

CREATE FUNCTION directory_query_but_one(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT directory_query_without(asked, 1)
$$;

CREATE FUNCTION directory_query_but_two(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT directory_query_without(asked, 2)
$$;

CREATE FUNCTION directory_query_any(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT directory_query_without(
        asked, coalesce(array_length(directory_spelt_words(asked), 1), 0) - 1)
$$;

-- A point on the unit sphere; chords between points grow with the distance between the places.
CREATE FUNCTION directory_point(latitude float, longitude float) RETURNS cube
LANGUAGE sql IMMUTABLE AS $$
    SELECT cube(ARRAY[cos(radians(latitude)) * cos(radians(longitude)),
                      cos(radians(latitude)) * sin(radians(longitude)),
                      sin(radians(latitude))])
$$;

-- Meters over the sphere (mean radius 6,371,008.8 m, IUGG) from a chord of the unit sphere.
CREATE FUNCTION directory_metres(chord float) RETURNS float LANGUAGE sql IMMUTABLE AS $$
    SELECT 2 * 6371008.8 * asin(least(1, chord / 2))
$$;

CREATE FUNCTION directory_chord(metres float) RETURNS float LANGUAGE sql IMMUTABLE AS $$
    SELECT 2 * sin(least(pi() / 2, metres / (2 * 6371008.8)))
$$;

-- before.sql makes it. An index calls it, for every writer and for `owner` at each ANALYZE.
GRANT EXECUTE ON FUNCTION sec.postcode(text) TO editor, jobs, definer;
