-- Create a session, unless there is one.
-- KEYS: meta, snap
-- ARGV: deadline (ms), snapshot, then field, value, ... of meta
-- Returns: {"late"} | {"ok", 1 if created else 0, meta as field, value, ...}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local created = 0
if redis.call('EXISTS', KEYS[1]) == 0 then
  created = 1
  redis.call('SET', KEYS[2], ARGV[2])
  redis.call('HSET', KEYS[1], unpack(ARGV, 3))
end
return {'ok', created, redis.call('HGETALL', KEYS[1])}
