-- Appends frames to the journal of one shard, all or none of them.
--
-- KEYS[1]  the journal: a stream, one entry a frame, its id <epoch>-<ordinal>
-- KEYS[2]  its head: a hash with the id, link and writer of the newest frame
-- ARGV[1]  the writer: a nonce drawn when it took the shard over
-- ARGV[2]  id of the frame that must be the newest, 0-0 for none      ARGV[3]  its link
-- ARGV[4…] of each frame: its id, its link, its bytes
--
-- Answers {'appended'}, or {'already'} where the last of these frames is the newest one and this writer wrote it, or
-- {'fenced', id, link} where another frame is the newest, or {'lost', id, link} where the head has a newest frame and the
-- journal has none. Both good answers have written something, so that a WAIT behind them on the same connection counts it.
-- All is checked before the first write: a script that is cut off has done nothing.
local head = redis.call('HMGET', KEYS[2], 'id', 'link', 'writer')
local id, link = head[1] or '0-0', head[2] or string.rep('0', 32)
local last = #ARGV - 2
if id == ARGV[last] and link == ARGV[last + 1] and head[3] == ARGV[1] then
  redis.call('HINCRBY', KEYS[2], 'again', 1)
  return { 'already' }
end
if id ~= ARGV[2] or link ~= ARGV[3] then
  return { 'fenced', id, link }
end
if id ~= '0-0' and redis.call('XLEN', KEYS[1]) == 0 then
  return { 'lost', id, link }
end
for at = 4, last, 3 do
  redis.call('XADD', KEYS[1], ARGV[at], 'f', ARGV[at + 2])
end
redis.call('HSET', KEYS[2], 'id', ARGV[last], 'link', ARGV[last + 1], 'writer', ARGV[1])
return { 'appended' }
