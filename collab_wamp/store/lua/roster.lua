-- Read who is on a session, and where.
-- KEYS: meta, roster, presence
-- Returns: {meta, roster, presence}, each as field, value, ...
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3])}
