--[[
A node is gone in order.

KEYS[1]  sorted set of node ids by their last beat
KEYS[2]  hash from node id to what the node says of itself
ARGV[1]  id of the node
ARGV[2]  channel on which changes are said
ARGV[3]  what is said there

Output:  1 it was a member, 0 it was none
]]
redis.call('PUBLISH', ARGV[2], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
