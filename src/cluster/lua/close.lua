--[[
Keeps nodes from serving data while it is moved, and once it is elsewhere. Nothing is changed unless it is as expected.

KEYS[1]  hash: shards, data, closed, why
ARGV[1]  id of the data that must be there, or may come: of an empty one it becomes the id where ARGV[2] is filling
ARGV[2]  filling, moving or moved: what it is to be closed as
ARGV[3]  why, as a node is told
ARGV[4]  number of shards, of use with filling only

Output:  closed where it is so now, else what was found: id of the data, and what it is closed as, or nothing for either
]]
local data, closed = unpack(redis.call('HMGET', KEYS[1], 'data', 'closed'))
local mayFill = ARGV[2] == 'filling' and (not data or closed == 'filling')
local mayMove = ARGV[2] ~= 'filling' and data and closed ~= 'filling'
if (data and data ~= ARGV[1]) or not (mayFill or mayMove) then
  return { 'found', data or '', closed or '' }
end
if ARGV[2] == 'filling' then
  redis.call('HSET', KEYS[1], 'shards', ARGV[4], 'data', ARGV[1])
end
redis.call('HSET', KEYS[1], 'closed', ARGV[2], 'why', ARGV[3])
return { 'closed' }
