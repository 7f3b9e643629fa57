#!/bin/sh
# Makes one Redis Cluster of the servers that REDIS_NODES names (addresses, not names: CLUSTER MEET takes no others), with
# one replica for each primary. Changes nothing where they are one already.
set -eu
export REDISCLI_AUTH="$REDIS_PASSWORD"
unset REDIS_PASSWORD
authority=/tls/authority/authority.crt

ask() { # ask <host:port> <command…>
  node=$1
  shift
  redis-cli --tls --cacert "$authority" -h "${node%:*}" -p "${node##*:}" "$@"
}

for node in $REDIS_NODES; do
  until [ "$(ask "$node" ping 2>&1)" = PONG ]; do sleep 0.5; done
done

first=${REDIS_NODES%% *}
if ask "$first" cluster info | grep -q '^cluster_known_nodes:1[^0-9]*$'; then
  # shellcheck disable=SC2086 # They are several words.
  redis-cli --tls --cacert "$authority" --cluster create $REDIS_NODES --cluster-replicas 1 --cluster-yes
fi

for node in $REDIS_NODES; do
  until ask "$node" cluster info | grep -q '^cluster_state:ok'; do sleep 0.5; done
done
echo 'The Redis Cluster is formed.'
