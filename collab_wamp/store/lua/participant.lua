-- Read one participant, and what their user is granted.
-- KEYS: roster, rights
-- ARGV: participant_id
-- Returns: {roster entry or "", granted or ""}
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return {'', ''} end
local user = cjson.decode(string.match(entry, '^[^\n]*\n[^\n]*\n([^\n]*)\n'))
return {entry, redis.call('HGET', KEYS[2], user) or ''}
