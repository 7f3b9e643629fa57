--[[
Gives a lease up: to a certain node, which alone may take it for a moment, or to whoever comes.

KEYS[1]  lease of the shard
ARGV[1]  token of the tenure that ends
ARGV[2]  id of the node it is promised to, or empty: free at once
ARGV[3]  milliseconds for which the promise holds; then it is free
ARGV[4]  channel on which changes are said
ARGV[5]  number of the shard

Output:  1 done, 0 it was gone or somebody else's already
]]
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'to', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
