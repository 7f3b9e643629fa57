--[[
Keeps nodes from serving data while it is moved, and once it is elsewhere. Nothing is changed unless it is as expected.

KEYS[1]  hash: shards, data, closed, why
ARGV[1]  id of the data that must be there, or may come: of an empty one it becomes the id where it is to be filled
ARGV[2]  what it is to be closed as: filling or refilling, moving or moved
ARGV[3]  why, as a node is told
ARGV[4]  number of shards, of use where it is to be filled

Output:  closed where it is so now, else what was found: id of the data, and what it is closed as, or nothing for either
]]
local data, closed = unpack(redis.call('HMGET', KEYS[1], 'data', 'closed'))
local fills = ARGV[2] == 'filling' or ARGV[2] == 'refilling'
local mayFill = fills and (not data or closed == ARGV[2])
local mayMove = not fills and data and closed ~= 'filling' and closed ~= 'refilling'
if (data and data ~= ARGV[1]) or not (mayFill or mayMove) then
  return { 'found', data or '', closed or '' }
end
if fills then
  redis.call('HSET', KEYS[1], 'shards', ARGV[4], 'data', ARGV[1])
end
redis.call('HSET', KEYS[1], 'closed', ARGV[2], 'why', ARGV[3])
return { 'closed' }
