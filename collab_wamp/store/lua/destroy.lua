-- Remove a session and everything of it at once, and announce it.
-- KEYS: meta, and all others that the session has
-- ARGV: deadline (ms), channel
-- Returns: {"late"} | {"ok", 1 if there was one else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return {'ok', 0} end
redis.call('UNLINK', unpack(KEYS))
redis.call('PUBLISH', ARGV[2], '["destroy","' .. epoch .. '"]')
return {'ok', 1}
