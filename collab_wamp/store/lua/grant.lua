-- Keep what a user is granted on a session, and announce it.
-- KEYS: meta, rights
-- ARGV: deadline (ms), channel, user_id, granted ("" = as the token says), announcement (JSON)
-- Returns: {"late"} | {"ok", 1 if there is such a session else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'ok', 0} end
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[2], ARGV[3])
else
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
end
redis.call('PUBLISH', ARGV[2], ARGV[5])
return {'ok', 1}
