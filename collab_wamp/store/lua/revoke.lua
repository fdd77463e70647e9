-- Keep that tokens are good no more, and announce it.
-- KEYS: revocations
-- ARGV: deadline (ms), channel, field, value, announcement, seconds that revocations are kept
-- Returns: {"late"} | {"ok"}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[6]) then redis.call('EXPIRE', KEYS[1], ARGV[6]) end
redis.call('PUBLISH', ARGV[2], ARGV[5])
return {'ok'}
