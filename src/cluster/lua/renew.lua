--[[
Lengthens a lease that is still the one it was taken as.

KEYS[1]  lease of the shard
ARGV[1]  token of the tenure
ARGV[2]  milliseconds until it expires, from now
ARGV[3]  id of the node that the shard is about to be handed to, or empty

Output:  1 lengthened, 0 it is gone or somebody else's

It writes whenever it answers 1, so that a WAIT behind it on the same connection counts who has this renewal.
]]
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], 'to') else redis.call('HSET', KEYS[1], 'to', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
