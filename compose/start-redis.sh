#!/bin/sh
# Starts one Redis with what the repository says of all of them and what only its own environment knows: its name and
# the password. A password among the arguments could be read by everybody on the machine.
set -eu
umask 077
own=/run/redis/own.conf
cat > "$own" <<END
include /etc/redis/redis.conf
requirepass $REDIS_PASSWORD
masterauth $REDIS_PASSWORD
cluster-announce-hostname $HOSTNAME
replica-announce-ip $HOSTNAME
END
unset REDIS_PASSWORD
# As root the image's own entry point goes on as the user redis, which must be able to read this.
[ "$(id -u)" != 0 ] || chown redis "$own"
exec docker-entrypoint.sh redis-server "$own"
