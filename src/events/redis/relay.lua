-- Appends events to the stream and moves the position, if the position is where this relay left it.
-- KEYS[1] stream; KEYS[2] hash of the position, in the same slot
-- ARGV[1] turn that the relay left, '0' before the first; ARGV[2] position, '' for one that stays
-- ARGV[3] length that the stream is kept at, about, '' for none; ARGV[4] events, a line each, as JSON has no line breaks
-- Answers 1, or 0 where the position is another one: then nothing was changed.
local turn = redis.call('HGET', KEYS[2], 'turn') or '0'
if turn ~= ARGV[1] then return 0 end
if ARGV[4] == '' and ARGV[2] == '' then return 1 end
for event in string.gmatch(ARGV[4], '[^\n]+') do
  if ARGV[3] == '' then
    redis.call('XADD', KEYS[1], '*', 'event', event)
  else
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'event', event)
  end
end
redis.call('HSET', KEYS[2], 'turn', string.format('%.0f', turn + 1))
if ARGV[2] ~= '' then redis.call('HSET', KEYS[2], 'position', ARGV[2]) end
return 1
