-- Forget an instance, unless it is alive.
-- KEYS: instances
-- ARGV: deadline (ms), instance_id
-- Returns: {"late"} | {"ok", 1 if it was dead and is forgotten, else 0}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return {'late'} end
local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not score or tonumber(score) >= now then return {'ok', 0} end
return {'ok', redis.call('ZREM', KEYS[1], ARGV[2])}
