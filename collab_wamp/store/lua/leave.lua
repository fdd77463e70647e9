-- Remove a participant and their presence, and announce it.
-- KEYS: roster, presence
-- ARGV: deadline (ms), channel, participant_id, announcement (JSON)
-- Returns: {"late"} | {"ok", participant that was removed or ""}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local removed = redis.call('HGET', KEYS[1], ARGV[3])
if removed then
  redis.call('HDEL', KEYS[1], ARGV[3])
  redis.call('HDEL', KEYS[2], ARGV[3])
  redis.call('PUBLISH', ARGV[2], ARGV[4])
end
return {'ok', removed or ''}
