--[[
A node says that it lives, and hears who else does.

KEYS[1]  sorted set of node ids by their last beat (ms by this Redis' clock)
KEYS[2]  hash from node id to what the node says of itself
ARGV[1]  id of this node, or empty: only listen
ARGV[2]  what it says of itself, as JSON
ARGV[3]  milliseconds after which a silent node is forgotten
ARGV[4]  channel on which changes are said
ARGV[5]  what is said there when a node has come, or says that it is about to go

Output:  id, text, milliseconds since its last beat; then the next one's, and so on

One clock for all: nodes compare what this Redis' clock says, never their own ones. Where that jumped back, a beat that
seems to come from the future counts as just now.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then
  local before = redis.call('HGET', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
  if not before or cjson.decode(before).isLeaving ~= cjson.decode(ARGV[2]).isLeaving then
    redis.call('PUBLISH', ARGV[4], ARGV[5])
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))) do
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
  end
end
local answer = {}
local beats = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #beats, 2 do
  local text = redis.call('HGET', KEYS[2], beats[i])
  if text then
    table.insert(answer, beats[i])
    table.insert(answer, text)
    table.insert(answer, math.max(0, now - tonumber(beats[i + 1])))
  end
end
return answer
