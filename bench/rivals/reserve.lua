-- Reserves units of one product, or says how many there are. Repeating an id changes nothing.
--
-- KEYS[1]  the product's units that can be taken, a number
-- KEYS[2]  the reservation, by its id
-- KEYS[3]  all reservations by when they expire, a sorted set
-- ARGV[1]  units wanted
-- ARGV[2]  what the reservation keeps: product, customer, units, expiry
-- ARGV[3]  when it expires, ms since 1970
--
-- Returns the units left after it, or −1 − the units there are where they do not suffice.
local available = tonumber(redis.call('GET', KEYS[1]))
if available == nil then
  return redis.error_reply('unknown-product')
end
local wanted = tonumber(ARGV[1])
if available < wanted then
  if redis.call('EXISTS', KEYS[2]) == 1 then
    return available
  end
  return -1 - available
end
if not redis.call('SET', KEYS[2], ARGV[2], 'NX') then
  return available
end
redis.call('ZADD', KEYS[3], ARGV[3], KEYS[2])
return redis.call('DECRBY', KEYS[1], wanted)
