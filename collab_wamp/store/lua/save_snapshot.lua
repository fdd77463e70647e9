-- Keep a newer snapshot; keep the one before it as a checkpoint, if it is the first or the last
-- checkpoint is far behind it; drop the log up to a checkpoint; forget clients not seen for long;
-- and announce the new snapshot's hash.
-- KEYS: meta, log, seen, snap, checkpoints
-- ARGV: deadline (ms), channel, epoch, revision, the most that the floor may be, snapshot, its
--       SHA-256 (hex), edits from one checkpoint to the next (at least), forget clients last seen
--       before (ms)
-- Returns: {"late"} | {"ok", 1 if kept else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'snapshot_revision', 'floor_revision')
if meta[1] ~= ARGV[3] then return {'ok', 0} end
local revision, before, floor = tonumber(ARGV[4]), tonumber(meta[3]), tonumber(meta[4])
if revision <= before or revision > tonumber(meta[2]) then return {'ok', 0} end

local checkpoints, last = {}, nil
for i, name in ipairs(redis.call('HKEYS', KEYS[5])) do
  checkpoints[i] = tonumber(name)
  last = math.max(last or 0, checkpoints[i])
end
if before == 0 or not last or before - last >= tonumber(ARGV[8]) then
  redis.call('HSET', KEYS[5], string.format('%.0f', before), redis.call('GET', KEYS[4]))
  checkpoints[#checkpoints + 1] = before
end
redis.call('SET', KEYS[4], ARGV[6])
redis.call('HSET', KEYS[1], 'snapshot_revision', ARGV[4])

-- The content at the floor must be there: what follows is folded from it.
local most, new_floor = tonumber(ARGV[5]), floor
if revision <= most then new_floor = revision end
for _, checkpoint in ipairs(checkpoints) do
  if checkpoint <= most then new_floor = math.max(new_floor, checkpoint) end
end
if new_floor > floor then
  redis.call('HSET', KEYS[1], 'floor_revision', string.format('%.0f', new_floor))
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', new_floor + 1))
  for _, checkpoint in ipairs(checkpoints) do
    if checkpoint < new_floor then
      redis.call('HDEL', KEYS[5], string.format('%.0f', checkpoint))
    end
  end
end

local seen = redis.call('HGETALL', KEYS[3])
for i = 1, #seen, 2 do
  local at = string.match(seen[i + 1], '^%d+:%d+:%x+:(%d+):')
  if tonumber(at) < tonumber(ARGV[9]) then redis.call('HDEL', KEYS[3], seen[i]) end
end
redis.call('PUBLISH', ARGV[2],
  '["check","' .. meta[1] .. '",' .. ARGV[4] .. ',"' .. ARGV[7] .. '"]')
return {'ok', 1}
