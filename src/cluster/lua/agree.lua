--[[
The first node decides what all others must agree with.

KEYS[1]  hash: shards, data; closed and why while nobody may serve it (close.lua)
ARGV[1]  number of shards this node is set to
ARGV[2]  id drawn for the data, used if there is none

Output:  number of shards of the data, id of the data, and why nobody may serve it, if so
]]
redis.call('HSETNX', KEYS[1], 'shards', ARGV[1])
redis.call('HSETNX', KEYS[1], 'data', ARGV[2])
return redis.call('HMGET', KEYS[1], 'shards', 'data', 'why')
