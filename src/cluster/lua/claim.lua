--[[
Takes a shard's lease where it is free, promised to this node, or this node's already.

KEYS[1]  lease of the shard (hash: node, token, address, to)
ARGV[1]  id of this node
ARGV[2]  token of this tenure: random, never used before
ARGV[3]  address at which other nodes reach this one
ARGV[4]  milliseconds until it expires
ARGV[5]  channel on which changes are said
ARGV[6]  number of the shard

Output:  1 taken, 0 it is somebody else's

A lease of the same node with another token is one that the node has given up believing in: only the node itself may take
it before it expires. Renewals under the old token no longer match.
]]
local node = redis.call('HGET', KEYS[1], 'node')
if node and node ~= ARGV[1] then return 0 end
if not node then
  local promised = redis.call('HGET', KEYS[1], 'to')
  if promised and promised ~= ARGV[1] then return 0 end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'node', ARGV[1], 'token', ARGV[2], 'address', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
