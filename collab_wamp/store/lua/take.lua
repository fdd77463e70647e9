-- Take from token buckets: from all, or from none. A bucket is kept as the time at which it will be
-- full again (the generic cell rate algorithm of ATM), so that one number says all.
-- KEYS: buckets
-- ARGV: deadline (ms), most wait (ms), then for each bucket: milliseconds a token, burst, cost
-- Returns: {"late"} | {"ok", wait (ms)} | {"refused", wait (ms), index of the bucket}
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
if now > tonumber(ARGV[1]) then return {'late'} end
local wait, full = 0, {}
local function most(token, burst) return burst * token + tonumber(ARGV[2]) end
for i, key in ipairs(KEYS) do
  local token, burst, cost = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  -- Never later than an empty bucket is full again: the clock may have been set back.
  local stored = math.min(tonumber(redis.call('GET', key) or '0'), now + most(token, burst))
  full[i] = math.max(stored, now) + cost * token
  local needed = full[i] - burst * token - now
  if needed > tonumber(ARGV[2]) then return {'refused', string.format('%.3f', needed), i} end
  wait = math.max(wait, needed)
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.3f', full[i]), 'PX', string.format('%.0f', math.max(1, math.ceil(full[i] - now))))
end
return {'ok', string.format('%.3f', wait)}
