-- Read who is on a session, where, and what users are granted.
-- KEYS: meta, roster, presence, rights
-- Returns: {meta, roster, presence, rights}, each as field, value, ...
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
  redis.call('HGETALL', KEYS[4])}
