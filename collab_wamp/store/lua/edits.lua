-- Read edits of a session, as many as there are up to a number and about so many bytes.
-- KEYS: meta, log
-- ARGV: epoch, after, limit, bytes
-- Returns: {"none"} | {"epoch", current} | {"ok", meta as field, value, ..., {payload, ...}};
--          no payloads where `after` is below the floor
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then return {'none'} end
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'floor_revision')
if fields[1] ~= ARGV[1] then return {'epoch', fields[1]} end
local payloads, bytes, after, limit = {}, 0, tonumber(ARGV[2]), tonumber(ARGV[3])
if after >= tonumber(fields[2]) then
  while #payloads < limit and bytes < tonumber(ARGV[4]) do
    local from = string.format('%.0f-0', after + 1)
    local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', math.min(50, limit - #payloads))
    if #entries == 0 then break end
    for _, entry in ipairs(entries) do
      if #payloads > 0 and bytes + #entry[2][2] > tonumber(ARGV[4]) then
        return {'ok', meta, payloads}
      end
      payloads[#payloads + 1] = entry[2][2]
      bytes = bytes + #entry[2][2]
      after = after + 1
    end
  end
end
return {'ok', meta, payloads}
