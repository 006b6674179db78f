#!/bin/sh
# One backup, as user postgres: a full one on Sundays and where there is none, else what changed
# since. Twice is safe.
set -eu

pgbackrest --stanza=cairn stanza-create
pgbackrest --stanza=cairn check
type=diff
if [ "$(date -u +%u)" = 7 ]; then
    type=full
fi
exec pgbackrest --stanza=cairn --type="$type" backup
