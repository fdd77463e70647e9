-- Read edits of a session.
-- KEYS: meta, log
-- ARGV: epoch, after, limit
-- Returns: {"none"} | {"epoch", current} | {"ok", meta as field, value, ..., {payload, ...}};
--          no payloads where `after` is below the floor
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then return {'none'} end
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'floor_revision')
if fields[1] ~= ARGV[1] then return {'epoch', fields[1]} end
local payloads, after = {}, tonumber(ARGV[2])
if after >= tonumber(fields[2]) then
  local from = string.format('%.0f-0', after + 1)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[3])) do
    payloads[#payloads + 1] = entry[2][2]
  end
end
return {'ok', meta, payloads}
