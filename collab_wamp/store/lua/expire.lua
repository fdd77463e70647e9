-- Mark a held edit that is due as expired, and announce it; or forget it.
-- KEYS: seen, held, held_bodies
-- ARGV: deadline (ms), channel, conflict_id, milliseconds that an expired one is kept, announcement
-- Returns: {"late"} | {"ok", when it is due again (ms) or "" where it is not there}
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
if now > tonumber(ARGV[1]) then return {'late'} end
local held = redis.call('HGET', KEYS[2], ARGV[3])
if not held then return {'ok', ''} end
local state, expires, rest = string.match(held, '^(%a+)\n(%d+)\n(.*)$')
if tonumber(expires) > now then return {'ok', expires} end
if state == 'expired' or redis.call('HEXISTS', KEYS[1], ARGV[3]) == 1 then
  redis.call('HDEL', KEYS[2], ARGV[3])
  redis.call('HDEL', KEYS[3], ARGV[3])
  return {'ok', ''}
end
local kept = string.format('%.0f', tonumber(expires) + tonumber(ARGV[4]))
redis.call('HSET', KEYS[2], ARGV[3], 'expired\n' .. kept .. '\n' .. rest)
redis.call('PUBLISH', ARGV[2], ARGV[5])
return {'ok', kept}
