-- Say that an instance is alive, with its report.
-- KEYS: instances, the instance's report, whose the name is
-- ARGV: deadline (ms), instance_id, report (JSON), milliseconds that it counts as alive, owner
-- Returns: {"late"} | {"ok", 1, or 0 where another owner has the name}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return {'late'} end
local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[5] then return {'ok', 0} end
redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[4])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[4])), ARGV[2])
redis.call('EXPIRE', KEYS[1], 604800)
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return {'ok', 1}
