#!/bin/sh
# A throw-away PostgreSQL cluster for tests. Prints its URL on one line, lives until its standard input
# closes (that is, until whoever started it is gone), and leaves nothing behind.
# Exit 3, with the reason on standard error: there is no PostgreSQL on this machine.
set -eu

absent() {
    echo "$1" >&2
    exit 3
}

bin=
for found in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb; do
    [ -x "$found" ] || continue
    folder=$(dirname "$(readlink -f "$found")")
    [ -x "$folder/postgres" ] && [ -x "$folder/pg_ctl" ] && bin=$folder
done
[ -n "$bin" ] || absent "no initdb on the PATH or in /usr/lib/postgresql (Debian: apt-get install postgresql)"

# PostgreSQL refuses to run as root.
account=
if [ "$(id -u)" = 0 ]; then
    for name in postgres nobody; do
        if id "$name" >/dev/null 2>&1; then account=$name && break; fi
    done
    [ -n "$account" ] || absent "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody"
fi

as_account() {
    if [ -z "$account" ]; then
        "$@"
    elif command -v runuser >/dev/null; then
        runuser -u "$account" -- "$@"
    else
        setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups "$@"
    fi
}

# Where it is memory, a database is made in a twentieth of the time; how much of it there is differs.
room=/tmp
free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ -w /dev/shm ] && [ "${free:-0}" -ge 4000000 ]; then room=/dev/shm; fi
home=$(mktemp -d "$room/uriba-postgres.XXXXXX")
cleanup() {
    trap '' EXIT HUP INT TERM
    cd /
    if [ -e "$home/rows/postmaster.pid" ]; then
        as_account "$bin/pg_ctl" -D "$home/rows" -m immediate -w stop >/dev/null 2>&1 || true
    fi
    rm -rf "$home"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$account" ]; then chown "$account" "$home"; fi
cd "$home"

failed() {
    cat "$home/log" >&2
    echo "$1" >&2
    exit 1
}

as_account "$bin/initdb" -D "$home/rows" -U uriba --auth=trust --encoding=UTF8 --locale=C --no-sync \
    >"$home/log" 2>&1 || failed "initdb failed"
# Nothing here has to survive a power cut. Only a socket in a private folder, no port.
options="-k $home -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
options="$options -c max_connections=300 -c deadlock_timeout=100ms"
as_account "$bin/pg_ctl" -D "$home/rows" -o "$options" -l "$home/rows/log" -w start >>"$home/log" 2>&1 ||
    failed "the cluster did not start: $(cat "$home/rows/log" 2>/dev/null)"

echo "postgres://uriba@localhost/postgres?host=$home"
while read -r _; do :; done
