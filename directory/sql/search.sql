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

-- What was asked for, read as English or as Spanish; quotes and a leading minus work as usual.
CREATE FUNCTION directory_asked(asked text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT websearch_to_tsquery('directory_en', asked)
        || websearch_to_tsquery('directory_es', asked)
$$;
