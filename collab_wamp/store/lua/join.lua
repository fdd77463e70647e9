-- Add a participant, announce it, and read all that it needs, in one step.
-- KEYS: meta, log, seen, snap, roster, presence
-- ARGV: deadline (ms), channel, epoch or "", after or "", client_id, participant_id,
--       participant (JSON), seconds that roster and presence live, most edits instead of a snapshot
-- Returns: {"late"} | {"none"}
--        | {"ok", meta, snapshot or "", {payload, ...}, seen or "", roster, presence}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then return {'none'} end
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'floor_revision', 'snapshot_revision')
local head, floor = tonumber(fields[2]), tonumber(fields[3])

redis.call('HSET', KEYS[5], ARGV[6], ARGV[7])
redis.call('EXPIRE', KEYS[5], ARGV[8])
redis.call('EXPIRE', KEYS[6], ARGV[8])
redis.call('PUBLISH', ARGV[2], '["join",' .. ARGV[7] .. ']')

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
  redis.call('HGETALL', KEYS[5]), redis.call('HGETALL', KEYS[6])}
