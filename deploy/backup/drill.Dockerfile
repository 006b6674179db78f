# Cairn with a PostgreSQL of its own, which a drill starts on a restored copy. In it the user postgres
# has the number that it has in the image `postgres`, so that it reads the repository.
FROM cairn
USER 0
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-17 pgbackrest locales-all \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/17 \
    && groupmod -g 999 postgres && usermod -u 999 postgres
