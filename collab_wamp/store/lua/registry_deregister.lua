-- Take an instance out of the registry.
-- KEYS: registry, registry:SERVICE, registry:SERVICE:values, registry:SERVICE:load
-- ARGV: deadline (ms), service, instance_id
-- Returns: {"late"} | {"ok", 1 if it was there, else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local was = redis.call('ZREM', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HDEL', KEYS[4], ARGV[3])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if last then
  redis.call('ZADD', KEYS[1], 'XX', last, ARGV[2])
else
  redis.call('ZREM', KEYS[1], ARGV[2])
end
return {'ok', was}
