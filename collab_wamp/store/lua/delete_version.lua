-- Remove a named version of a session.
-- KEYS: versions, contents
-- ARGV: deadline (ms), version_id
-- Returns: {"late"} | {"ok", 1 if there was one else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
redis.call('HDEL', KEYS[2], ARGV[2])
return {'ok', redis.call('HDEL', KEYS[1], ARGV[2])}
