-- Read the newest snapshot.
-- KEYS: meta, snap
-- Returns: {meta as field, value, ..., snapshot or ""}
return {redis.call('HGETALL', KEYS[1]), redis.call('GET', KEYS[2]) or ''}
