-- How much token buckets hold; see take.lua.
-- KEYS: buckets
-- ARGV: for each bucket: milliseconds a token, burst
-- Returns: {tokens, ...}
local time = redis.call('TIME')
local now, left = time[1] * 1000 + time[2] / 1000, {}
for i, key in ipairs(KEYS) do
  local token, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local full = math.max(tonumber(redis.call('GET', key) or '0'), now)
  left[i] = string.format('%.3f', burst - (full - now) / token)
end
return left
