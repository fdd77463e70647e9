-- Say that an instance is alive, with its report.
-- KEYS: instances, the instance's report
-- ARGV: deadline (ms), instance_id, report (JSON), milliseconds that it counts as alive
-- Returns: {"late"} | {"ok"}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return {'late'} end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[4])), ARGV[2])
redis.call('EXPIRE', KEYS[1], 604800)
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return {'ok'}
