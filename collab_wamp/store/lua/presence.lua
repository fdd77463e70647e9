-- Keep and announce where participants are; who is not on the roster is passed over.
-- KEYS: roster, presence
-- ARGV: deadline (ms), channel, instance (JSON text), seconds that presence lives,
--       then participant_id, presence (JSON, "null" = gone), ...
-- Returns: {"late"} | {"ok", how many were announced}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local rows = {}
for i = 5, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    if ARGV[i + 1] == 'null' then
      redis.call('HDEL', KEYS[2], ARGV[i])
    else
      redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    end
    rows[#rows + 1] = '"' .. ARGV[i] .. '":' .. ARGV[i + 1]
  end
end
if #rows > 0 then
  redis.call('EXPIRE', KEYS[2], ARGV[4])
  redis.call('PUBLISH', ARGV[2], '["presence",' .. ARGV[3] .. ',{' .. table.concat(rows, ',') .. '}]')
end
return {'ok', #rows}
