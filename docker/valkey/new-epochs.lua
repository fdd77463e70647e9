-- After a restore, before any node is started: lets every session go on under a new epoch. Else a
-- client that has seen edits which the backup lacks would take the next ones, made in their place,
-- for those. To be run with EVAL, or `valkey-cli --eval`, without keys.
-- Returns: how many sessions there are.
local time = redis.call('TIME')
local cursor, sessions = '0', 0
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', '{*}:meta', 'COUNT', 1000)
  cursor = page[1]
  for _, meta in ipairs(page[2]) do
    local epoch = redis.call('HGET', meta, 'epoch')
    local name = redis.sha1hex(meta .. epoch .. time[1] .. time[2])
    redis.call('HSET', meta, 'epoch', string.sub(name, 1, 16))
    local session = string.sub(meta, 1, -6)
    redis.call('UNLINK', session .. ':roster', session .. ':presence')
    sessions = sessions + 1
  end
until cursor == '0'
return sessions
