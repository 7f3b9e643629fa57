--[[
Takes requests from what an identity has left of a rate, or gives them back: a leaky bucket (GCRA) of one window's worth,
kept as the moment at which it will be empty.

KEYS[1]  string: that moment, in microseconds by this Redis' clock
ARGV[1]  microseconds that one request takes
ARGV[2]  microseconds of a window's worth
ARGV[3]  requests: above 0 to take that many or none, below 0 to give so many back

Output:  1 taken or given back, 0 refused; then the microseconds until the bucket is empty

The key goes when the bucket is empty, so that no more of them live than identities were counted within a window. After a
failover the clock is another one: no bucket is ever fuller than a window's worth, whatever it said before.
]]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, depth, requests = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local empty = tonumber(redis.call('GET', KEYS[1])) or now
local before = math.min(math.max(0, empty - now), depth)
local used = math.max(0, before + requests * cost)
if requests > 0 and used > depth then
  return { 0, before }
end
if used == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', math.ceil(used / 1000))
end
return { 1, used }
