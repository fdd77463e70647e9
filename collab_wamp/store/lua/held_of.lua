-- Read a user's held edits, but for those that something was committed for.
-- KEYS: seen, held, held_bodies
-- ARGV: user_id (JSON)
-- Returns: {value of held, value of held_bodies, ...}
local held, found = redis.call('HGETALL', KEYS[2]), {}
for i = 1, #held, 2 do
  local user = string.match(held[i + 1], '^%a+\n%d+\n([^\n]*)\n')
  if user == ARGV[1] and redis.call('HEXISTS', KEYS[1], held[i]) == 0 then
    found[#found + 1] = held[i + 1]
    found[#found + 1] = redis.call('HGET', KEYS[3], held[i])
  end
end
return found
