-- Read the newest content that is kept of a revision or before; where there is none, the oldest.
-- KEYS: meta, snap, checkpoints
-- ARGV: revision
-- Returns: {meta as field, value, ..., snapshot or ""}
local meta = redis.call('HGETALL', KEYS[1])
local newest = redis.call('HGET', KEYS[1], 'snapshot_revision')
if not newest then return {meta, ''} end
local wanted, below, oldest = tonumber(ARGV[1]), nil, nil
if tonumber(newest) > wanted then
  for _, name in ipairs(redis.call('HKEYS', KEYS[3])) do
    local checkpoint = tonumber(name)
    if checkpoint <= wanted then below = math.max(below or 0, checkpoint) end
    oldest = math.min(oldest or checkpoint, checkpoint)
  end
end
local found = below or oldest
if not found then return {meta, redis.call('GET', KEYS[2])} end
return {meta, redis.call('HGET', KEYS[3], string.format('%.0f', found))}
