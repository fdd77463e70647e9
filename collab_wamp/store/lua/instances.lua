-- List the instances that are alive, or those that were.
-- KEYS: instances
-- ARGV: "alive" or "dead"
-- Returns: {instance_id, ...}
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if ARGV[1] == 'alive' then return redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf') end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
