-- Read a held edit, and whether something was committed for it.
-- KEYS: seen, held, held_bodies
-- ARGV: conflict_id
-- Returns: {value of seen or "", value of held or "", value of held_bodies or ""}
return {redis.call('HGET', KEYS[1], ARGV[1]) or '', redis.call('HGET', KEYS[2], ARGV[1]) or '',
  redis.call('HGET', KEYS[3], ARGV[1]) or ''}
