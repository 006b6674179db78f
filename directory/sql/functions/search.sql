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

-- The units of a question (directory/search/question.py) that say something: each as what entries
-- may say instead, in English before the bar and in Spanish after it; a single word in both, or as
-- the known words most like it. A word that either language leaves out ("for", "de") says nothing.
-- The limit of likeness is 0.4: "sheltr" is 0.56 like "shelter", "trafiking" 0.5 like
-- "trafficking".
CREATE FUNCTION directory_units(units text[]) RETURNS tsquery[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    found tsquery[] := '{}';
    one tsquery;
    spelt text;
    near text;
BEGIN
    FOREACH spelt IN ARRAY units LOOP
        IF position('|' IN spelt) > 0 THEN
            one := websearch_to_tsquery('directory_en', split_part(spelt, '|', 1))
                || websearch_to_tsquery('directory_es', split_part(spelt, '|', 2));
        ELSE
            CONTINUE WHEN 0 IN (numnode(websearch_to_tsquery('directory_en', spelt)),
                                numnode(websearch_to_tsquery('directory_es', spelt)));
            one := directory_query(spelt);
            FOR near IN SELECT k.word FROM directory_word k
                         WHERE length(spelt) >= 4 AND k.word <> spelt AND k.word % spelt
                           AND similarity(k.word, spelt) >= 0.4
                         ORDER BY similarity(k.word, spelt) DESC, k.word LIMIT 3 LOOP
                one := one || directory_query(near);
            END LOOP;
        END IF;
        CONTINUE WHEN numnode(one) = 0;
        found := found || one;
    END LOOP;
    RETURN found;
END $$;

-- The query for any of these units but `missing`; for one of them at least. Empty if there is none.
-- It grows unit by unit: at least k of them are this one and k - 1 of those before, or k of those.
CREATE FUNCTION directory_query_without(units tsquery[], missing int) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    needed int := greatest(cardinality(units) - missing, 1);
    least_of tsquery[] := array_fill(NULL::tsquery, ARRAY[needed]);  -- by how many of them
    unit tsquery;
    these tsquery;
BEGIN
    FOREACH unit IN ARRAY units LOOP
        FOR k IN REVERSE needed .. 2 LOOP
            CONTINUE WHEN least_of[k - 1] IS NULL;
            these := unit && least_of[k - 1];
            least_of[k] := coalesce(these || least_of[k], these);
        END LOOP;
        least_of[1] := coalesce(least_of[1] || unit, unit);
    END LOOP;
    RETURN coalesce(least_of[needed], ''::tsquery);
END $$;

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

-- before.sql makes them. An index calls them, for every writer and for `owner` at each ANALYZE.
GRANT EXECUTE ON FUNCTION sec.postcode(text), sec.phone_numbers(jsonb) TO editor, jobs, definer;
