-- Go on under a new epoch after lost history: everybody joins again.
-- KEYS: meta, roster, presence
-- ARGV: deadline (ms), channel, epoch, new epoch, new topic key
-- Returns: {"late"} | {"ok", 1 if renewed else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[3] then return {'ok', 0} end
redis.call('HSET', KEYS[1], 'epoch', ARGV[4], 'topic_key', ARGV[5])
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('PUBLISH', ARGV[2], '["epoch","' .. ARGV[4] .. '"]')
return {'ok', 1}
