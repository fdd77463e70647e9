-- Hold an edit for its author, unless the same body is held already.
-- KEYS: meta, roster, held, held_bodies
-- ARGV: deadline (ms), epoch, participant_id, join_id, conflict_id, user_id (JSON), body, most edits of
--       the user, value of held, value of held_bodies
-- Returns: {"late"} | {"none"} | {"epoch", current} | {"gone"} | {"full"}
--        | {"ok", value of held, value of held_bodies}
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
if now > tonumber(ARGV[1]) then return {'late'} end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return {'none'} end
if epoch ~= ARGV[2] then return {'epoch', epoch} end
if ARGV[3] ~= '' then
  local by, participant = ARGV[4] .. '\n', redis.call('HGET', KEYS[2], ARGV[3])
  if not participant or string.sub(participant, 1, #by) ~= by then return {'gone'} end
end
local held, of_user = redis.call('HGETALL', KEYS[3]), 0
for i = 1, #held, 2 do
  local state, expires, user, body = string.match(held[i + 1], '^(%a+)\n(%d+)\n([^\n]*)\n(.*)$')
  if body == ARGV[7] and state == 'held' and tonumber(expires) > now then
    return {'ok', held[i + 1], redis.call('HGET', KEYS[4], held[i])}
  end
  if user == ARGV[6] then of_user = of_user + 1 end
end
if of_user >= tonumber(ARGV[8]) then return {'full'} end
redis.call('HSET', KEYS[3], ARGV[5], ARGV[9])
redis.call('HSET', KEYS[4], ARGV[5], ARGV[10])
return {'ok', ARGV[9], ARGV[10]}
