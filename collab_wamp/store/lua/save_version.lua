-- Keep a named version of a session.
-- KEYS: meta, versions, contents
-- ARGV: deadline (ms), epoch, version_id, version (JSON), snapshot, how many may be kept
-- Returns: {"late"} | {"ok", "done" | "none" (no such session) | "full"}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[2] then return {'ok', 'none'} end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[6]) then return {'ok', 'full'} end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[5])
return {'ok', 'done'}
