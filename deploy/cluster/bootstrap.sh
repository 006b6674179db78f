#!/bin/sh
# Patroni calls this once, on the first leader, with the superuser's connection string. It makes
# Cairn's roles, sets their passwords from the environment (patroni.env) and makes the database.
set -eu
exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname "$1" --file /etc/cairn/init.sql
