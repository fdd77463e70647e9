-- Keep what a user is granted on a session, and announce it.
-- KEYS: meta, rights
-- ARGV: deadline (ms), channel, user_id, granted ("" = as the token says), announcement (JSON), what
--       must be granted until now or "*" = whatever, how many may be kept
-- Returns: {"late"} | {"ok", "done" | "none" (no such session) | "changed" | "full"}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'ok', 'none'} end
local before = redis.call('HGET', KEYS[2], ARGV[3]) or ''
if ARGV[6] ~= '*' and before ~= ARGV[6] then return {'ok', 'changed'} end
if before == '' and ARGV[4] ~= '' and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[7]) then
  return {'ok', 'full'}
end
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[2], ARGV[3])
else
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
end
redis.call('PUBLISH', ARGV[2], ARGV[5])
return {'ok', 'done'}
