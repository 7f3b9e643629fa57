#!/bin/sh
# Makes, once, an authority of this deployment's own and the two certificates that it vouches for: one for all of Redis,
# one for PostgreSQL. Its key is thrown away then, so that nobody can make a third. To have new ones, remove the volumes
# authority, redis-tls and postgres-tls while everything is stopped.
set -eu
umask 077
to=/tls
[ ! -e "$to/authority/authority.crt" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=holdfast' \
  -keyout "$work/authority.key" -out "$work/authority.crt"

vouch() { # vouch <folder> <names>
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout "$work/$1.key" -out "$work/$1.csr"
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" > "$work/$1.ext"
  openssl x509 -req -in "$work/$1.csr" -CA "$work/authority.crt" -CAkey "$work/authority.key" -CAcreateserial \
    -days 3650 -extfile "$work/$1.ext" -out "$work/$1.crt"
  mkdir -p "$to/$1"
  cp "$work/$1.key" "$to/$1/server.key"
  cp "$work/$1.crt" "$to/$1/server.crt"
}

vouch redis "$REDIS_NAMES"
vouch postgres "$POSTGRES_NAMES"
if [ "$(id -u)" = 0 ]; then
  # Users of the two images; each volume is in no other containers than theirs.
  chown -R "$REDIS_USER" "$to/redis"
  chown -R "$POSTGRES_USER" "$to/postgres"
fi
mkdir -p "$to/authority"
# Last, and everybody may read it: it says that all the others are there.
install -m 0644 "$work/authority.crt" "$to/authority/authority.crt"
