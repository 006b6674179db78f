#!/bin/sh
# Make the secrets that compose.yaml and kubernetes/ mount as files: `sudo ./secrets.sh [FOLDER]`.
#
# Run it as root on the host: each file belongs to the one user of the one container that reads it
# (numbers: 999 PostgreSQL's, 10001 Cairn's, 10002 PgBouncer's). Twice is safe: what is there stays
# as it is, and what is missing is made again where it can be made from the rest. FOLDER is
# secrets/ next to this file. The names of the hosts are compose's; DATABASE and POOLER name others.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
database=${DATABASE:-database:5432}
pooler=${POOLER:-pgbouncer:6432}
roles='owner app signin editor auditor jobs sealer'
pooled='app signin editor auditor'

mkdir -p "$folder"
chmod 0700 "$folder"

# put OWNER NAME: keeps standard input as a file, unless there is one with something in it.
put() {
    if [ ! -s "$folder/$2" ]; then
        cat >"$folder/.new"
        chmod 0400 "$folder/.new"
        if [ "$(id -u)" = 0 ]; then chown "$1:$1" "$folder/.new"; fi
        mv "$folder/.new" "$folder/$2"
    fi
}

# secret BYTES: letters and digits, which need no quoting in a URL or in SQL.
secret() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# A password that the database already has is not made up again.
for role in superuser $roles; do
    for made in "direct_$role" "pooled_$role" "$role.pgpass"; do
        if [ -s "$folder/$made" ] && [ ! -s "$folder/password_$role" ]; then
            echo "password_$role is gone, but $made is there: take the password from it." >&2
            exit 1
        fi
    done
done

secret 24 | put 999 password_superuser
for role in $roles; do
    secret 24 | put 999 "password_$role"
done
printf '*:*:*:postgres:%s\n' "$(cat "$folder/password_superuser")" | put 999 superuser.pgpass

secret 32 | put 10001 secret_key
secret 24 | put 10001 metrics_token
for role in $roles; do
    printf 'postgresql://%s:%s@%s/cairn' "$role" "$(cat "$folder/password_$role")" "$database" |
        put 10001 "direct_$role"
done
for role in $pooled; do
    printf 'postgresql://%s:%s@%s/cairn' "$role" "$(cat "$folder/password_$role")" "$pooler" |
        put 10001 "pooled_$role"
done
for role in $pooled; do
    printf '"%s" "%s"\n' "$role" "$(cat "$folder/password_$role")"
done | put 10002 userlist.txt

if [ "$(id -u)" != 0 ]; then
    echo 'Not root: the files are yours, and no container can read them. Run it again as root' >&2
    echo 'in an empty folder, or give each its owner (see the head of this file).' >&2
fi
