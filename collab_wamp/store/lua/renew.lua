-- Put another entry in the place of a participant's, who has not joined anew, and announce it.
-- KEYS: roster, rights
-- ARGV: deadline (ms), channel, participant_id, join_id, entry, participant (JSON), user_id
-- Returns: {"late"} | {"ok", 1 if done else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local entry, by = redis.call('HGET', KEYS[1], ARGV[3]), ARGV[4] .. '\n'
if not entry or string.sub(entry, 1, #by) ~= by then return {'ok', 0} end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[5])
local granted = redis.call('HGET', KEYS[2], ARGV[7]) or ''
redis.call('PUBLISH', ARGV[2], '["join",' .. ARGV[6] .. ',"' .. granted .. '"]')
return {'ok', 1}
