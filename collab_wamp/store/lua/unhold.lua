-- Remove a held edit, see to it that nothing is committed for it from now on, and announce that.
-- KEYS: meta, seen, held, held_bodies
-- ARGV: deadline (ms), channel, conflict_id, digest (hex) of what would be committed, now (ms)
-- Returns: {"late"} | {"ok", value of seen, or "" where there is no such edit}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end
local seen, held = redis.call('HGET', KEYS[2], ARGV[3]), redis.call('HGET', KEYS[3], ARGV[3])
if not held then return {'ok', seen or ''} end
local user = string.match(held, '^%a+\n%d+\n([^\n]*)\n')
if not seen then
  local head = redis.call('HGET', KEYS[1], 'revision')
  seen = '1:' .. head .. ':' .. ARGV[4] .. ':' .. ARGV[5] .. ':' .. cjson.decode(user)
  redis.call('HSET', KEYS[2], ARGV[3], seen)
end
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HDEL', KEYS[4], ARGV[3])
redis.call('PUBLISH', ARGV[2], '["conflict",' .. user .. ',{"conflict_id":"' .. ARGV[3]
  .. '","state":"resolved","revision":' .. string.match(seen, '^%d+:(%d+):') .. '}]')
return {'ok', seen}
