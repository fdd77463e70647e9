-- Add a participant, remove older connections of the same client, announce that, and read all that
-- the new one needs, in one step.
-- KEYS: meta, log, seen, snap, roster, presence, rights
-- ARGV: deadline (ms), channel, epoch or "", after or "", client_id, participant_id,
--       participant (JSON), seconds that roster and presence live, most edits instead of a snapshot,
--       join_id, user_id, user_id (JSON), most bytes of edits instead of a snapshot, right that the
--       token gives or "", client_id:seq of the edit `after` or ""
-- Returns: {"late"} | {"none"} | {"taken"}
--        | {"ok", meta, snapshot or "", {payload, ...}, seen or "", roster, presence,
--           {participant that was removed, ...}, what the participant was before or "", rights}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then return {'none'} end
-- Who may not view is told the same.
local granted = redis.call('HGET', KEYS[7], ARGV[11]) or ''
local by_token = granted == '' or string.sub(granted, 1, 8) == 'at_most:'
if granted == 'none' or (by_token and ARGV[14] == '') then return {'none'} end
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'floor_revision', 'snapshot_revision')
local head, floor = tonumber(fields[2]), tonumber(fields[3])

-- A client id is its first user's.
local seen = redis.call('HGET', KEYS[3], ARGV[5])
if seen and string.match(seen, '^%d+:%d+:%x+:%d+:(.*)$') ~= ARGV[11] then return {'taken'} end
local client, roster = '\n' .. ARGV[5] .. '\n', redis.call('HGETALL', KEYS[5])
local mine, others = client .. ARGV[12] .. '\n', {}
for i = 1, #roster, 2 do
  if string.find(roster[i + 1], client, 1, true) then
    if not string.find(roster[i + 1], mine, 1, true) then return {'taken'} end
    if roster[i] ~= ARGV[6] then others[roster[i]] = roster[i + 1] end
  end
end

local before = redis.call('HGET', KEYS[5], ARGV[6])
redis.call('HSET', KEYS[5], ARGV[6], ARGV[10] .. mine .. ARGV[7])
redis.call('EXPIRE', KEYS[5], ARGV[8])
redis.call('EXPIRE', KEYS[6], ARGV[8])
redis.call('PUBLISH', ARGV[2], '["join",' .. ARGV[7] .. ',"' .. granted .. '"]')

local fenced = {}
for participant_id, entry in pairs(others) do
  fenced[#fenced + 1] = entry
  redis.call('HDEL', KEYS[5], participant_id)
  redis.call('HDEL', KEYS[6], participant_id)
  redis.call('PUBLISH', ARGV[2], '["leave","' .. participant_id .. '","fenced"]')
end

local function tail(after, most)
  local payloads, bytes = {}, 0
  while true do
    local from = string.format('%.0f-0', after + #payloads + 1)
    local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 50)
    if #entries == 0 then return payloads end
    for _, entry in ipairs(entries) do
      payloads[#payloads + 1] = entry[2][2]
      bytes = bytes + #entry[2][2]
    end
    if most and bytes > most then return nil end
  end
end

local after, payloads, snapshot = tonumber(ARGV[4]), nil, ''
-- Whether what the client has is part of this history: it may have been lost, and gone on another way.
local function continues()
  if ARGV[15] == '' or after == 0 then return true end
  local number = string.format('%.0f-0', after)
  local known = redis.call('XRANGE', KEYS[2], number, number)[1]
  if not known then return false end
  local edit = cjson.decode(known[2][2])
  return ARGV[15] == edit[1] .. ':' .. string.format('%.0f', edit[2])
end

if ARGV[3] == fields[1] and after and after >= floor and after <= head
    and head - after <= tonumber(ARGV[9]) and continues() then
  payloads = tail(after, tonumber(ARGV[13]))
end
if not payloads then
  snapshot, payloads = redis.call('GET', KEYS[4]), tail(tonumber(fields[4]), nil)
end
return {'ok', meta, snapshot, payloads, seen or '',
  redis.call('HGETALL', KEYS[5]), redis.call('HGETALL', KEYS[6]), fenced, before or '',
  redis.call('HGETALL', KEYS[7])}
