-- Keep an instance in the registry, and its load.
-- KEYS: registry, registry:SERVICE, registry:SERVICE:values, registry:SERVICE:load
-- ARGV: deadline (ms), service, instance_id, TTL (ms), load (JSON)
-- Returns: {"late"} | {"ok", 1 if it is there, else 0}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return {'late'} end
local until_ms = redis.call('ZSCORE', KEYS[2], ARGV[3])
if not until_ms or tonumber(until_ms) <= now then return {'ok', 0} end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[4])), ARGV[3])
redis.call('HSET', KEYS[4], ARGV[3], ARGV[5])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('HDEL', KEYS[4], id)
end
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
for i = 2, 4 do redis.call('PEXPIREAT', KEYS[i], last) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], last, ARGV[2])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
return {'ok', 1}
