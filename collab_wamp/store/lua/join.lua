-- Add a participant, remove older connections of the same client, announce that, and read all that
-- the new one needs, in one step.
-- KEYS: meta, log, seen, snap, roster, presence
-- ARGV: deadline (ms), channel, epoch or "", after or "", client_id, participant_id,
--       participant (JSON), seconds that roster and presence live, most edits instead of a snapshot,
--       join_id
-- Returns: {"late"} | {"none"}
--        | {"ok", meta, snapshot or "", {payload, ...}, seen or "", roster, presence,
--           {participant that was removed, ...}, what the participant was before or ""}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then return {'none'} end
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'floor_revision', 'snapshot_revision')
local head, floor = tonumber(fields[2]), tonumber(fields[3])

local before = redis.call('HGET', KEYS[5], ARGV[6])
redis.call('HSET', KEYS[5], ARGV[6], ARGV[10] .. '\n' .. ARGV[5] .. '\n' .. ARGV[7])
redis.call('EXPIRE', KEYS[5], ARGV[8])
redis.call('EXPIRE', KEYS[6], ARGV[8])
redis.call('PUBLISH', ARGV[2], '["join",' .. ARGV[7] .. ']')

local fenced, mark, roster = {}, '\n' .. ARGV[5] .. '\n', redis.call('HGETALL', KEYS[5])
for i = 1, #roster, 2 do
  if roster[i] ~= ARGV[6] and string.find(roster[i + 1], mark, 1, true) then
    fenced[#fenced + 1] = roster[i + 1]
    redis.call('HDEL', KEYS[5], roster[i])
    redis.call('HDEL', KEYS[6], roster[i])
    redis.call('PUBLISH', ARGV[2], '["leave","' .. roster[i] .. '","fenced"]')
  end
end

local after, snapshot = tonumber(ARGV[4]), ''
if not (ARGV[3] == fields[1] and after and after >= floor and after <= head
    and head - after <= tonumber(ARGV[9])) then
  after, snapshot = tonumber(fields[4]), redis.call('GET', KEYS[4])
end
local payloads = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], string.format('%.0f-0', after + 1), '+')) do
  payloads[#payloads + 1] = entry[2][2]
end
return {'ok', meta, snapshot, payloads, redis.call('HGET', KEYS[3], ARGV[5]) or '',
  redis.call('HGETALL', KEYS[5]), redis.call('HGETALL', KEYS[6]), fenced,
  before or ''}
