-- Read the live instances of a service.
-- KEYS: registry:SERVICE, registry:SERVICE:values, registry:SERVICE:load
-- Returns: {instance_id, value (JSON), load (JSON), ...}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rows = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')) do
  rows[#rows + 1] = id
  rows[#rows + 1] = redis.call('HGET', KEYS[2], id) or ''
  rows[#rows + 1] = redis.call('HGET', KEYS[3], id) or ''
end
return rows
