-- Keep a newer snapshot, drop the log up to the floor, and forget clients not seen for long.
-- KEYS: meta, log, seen, snap
-- ARGV: deadline (ms), epoch, revision, floor, snapshot, forget clients last seen before (ms)
-- Returns: {"late"} | {"ok", 1 if kept else 0}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'snapshot_revision', 'floor_revision')
if meta[1] ~= ARGV[2] then return {'ok', 0} end
local revision = tonumber(ARGV[3])
if revision <= tonumber(meta[3]) or revision > tonumber(meta[2]) then return {'ok', 0} end
redis.call('SET', KEYS[4], ARGV[5])
redis.call('HSET', KEYS[1], 'snapshot_revision', ARGV[3])
local floor = tonumber(ARGV[4])
if floor > tonumber(meta[4]) then
  redis.call('HSET', KEYS[1], 'floor_revision', ARGV[4])
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', floor + 1))
end
local seen = redis.call('HGETALL', KEYS[3])
for i = 1, #seen, 2 do
  local at = string.match(seen[i + 1], '^%d+:%d+:%x+:(%d+):')
  if tonumber(at) < tonumber(ARGV[6]) then redis.call('HDEL', KEYS[3], seen[i]) end
end
return {'ok', 1}
