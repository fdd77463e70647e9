-- Append edits to a session's log and announce them, all or none. All checks come before the first
-- write, in this order: deadline, session, epoch, numbers and participants, head.
-- KEYS: meta, log, seen, roster, rights
-- ARGV: deadline (ms), channel, epoch, expected head, now (ms), identity of the edit at that head or
--       "", identity of the last edit below, bytes of edits to answer, then for each edit:
--       client_id, seq, digest (hex), payload (JSON), user_id, participant_id or "", join_id,
--       "1" if the token lets the user edit else "0"
-- Returns: {"late"} | {"none"} | {"epoch", current} | {"seen", state, number, state, number, ...}
--        | {"behind", head} | {"moved", head, payload, ...} | {"ok", first revision}
local FIRST, WIDTH = 9, 8
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return {'late'} end

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'floor_revision', 'head')
if not meta[1] then return {'none'} end
if meta[1] ~= ARGV[3] then return {'epoch', meta[1]} end

local states, all_new, ahead = {'seen'}, true, {}
for i = FIRST, #ARGV, WIDTH do
  local client, seq = ARGV[i], tonumber(ARGV[i + 1])
  local last, revision, digest = 0, '0', ''
  local seen = redis.call('HGET', KEYS[3], client)
  if seen then
    local text
    text, revision, digest = string.match(seen, '^(%d+):(%d+):(%x+):')
    last = tonumber(text)
  end
  if ahead[client] then
    last, digest = ahead[client], ''
  end
  local state, number = 'new', 0
  if seq == last and digest == ARGV[i + 2] then
    state, number = 'done', revision
  elseif seq <= last then
    state, number = 'reused', last
  elseif seq > last + 1 then
    state, number = 'gap', last + 1
  else
    if ARGV[i + 5] ~= '' then
      local by = ARGV[i + 6] .. '\n'
      local participant = redis.call('HGET', KEYS[4], ARGV[i + 5])
      if not participant or string.sub(participant, 1, #by) ~= by then
        state = 'gone'
      else
        local granted = redis.call('HGET', KEYS[5], ARGV[i + 4]) or ''
        local by_token = (granted == '' or granted == 'at_most:edit') and ARGV[i + 7] == '1'
        if not by_token and granted ~= 'edit' and granted ~= 'manage' then state = 'denied' end
      end
    end
    if state == 'new' then ahead[client] = seq end
  end
  if state ~= 'new' then all_new = false end
  states[#states + 1] = state
  states[#states + 1] = string.format('%.0f', number)
end
if not all_new then return states end

local head, expected = tonumber(meta[2]), tonumber(ARGV[4])
if head < expected then return {'behind', meta[2]} end
if head > expected then
  -- What was committed since must continue what the caller knows.
  local known = redis.call('XRANGE', KEYS[2], ARGV[4] .. '-0', ARGV[4] .. '-0')[1]
  if ARGV[6] ~= '' and known then
    local edit = cjson.decode(known[2][2])
    if ARGV[6] ~= edit[1] .. ':' .. string.format('%.0f:%.0f', edit[2], edit[5]) then
      return {'behind', meta[2]}
    end
  end
  local moved, bytes, after = {'moved', meta[2]}, 0, expected
  if expected >= tonumber(meta[3]) then
    while after < head and #moved < 1002 and bytes < tonumber(ARGV[8]) do
      local from = string.format('%.0f-0', after + 1)
      local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 50)
      if #entries == 0 then break end
      for _, entry in ipairs(entries) do
        moved[#moved + 1] = entry[2][2]
        bytes = bytes + #entry[2][2]
        after = after + 1
        if bytes >= tonumber(ARGV[8]) then break end
      end
    end
  end
  return moved
end
if ARGV[6] ~= '' and ARGV[6] ~= meta[4] then return {'behind', meta[2]} end

local revision, payloads = head, {}
for i = FIRST, #ARGV, WIDTH do
  revision = revision + 1
  local number = string.format('%.0f', revision)
  redis.call('XADD', KEYS[2], number .. '-0', 'e', ARGV[i + 3])
  redis.call('HSET', KEYS[3], ARGV[i],
    ARGV[i + 1] .. ':' .. number .. ':' .. ARGV[i + 2] .. ':' .. ARGV[5] .. ':' .. ARGV[i + 4])
  payloads[#payloads + 1] = ARGV[i + 3]
end
redis.call('HSET', KEYS[1], 'revision', string.format('%.0f', revision), 'head', ARGV[7])
redis.call('PUBLISH', ARGV[2], '["edits","' .. meta[1] .. '",' .. string.format('%.0f', head)
  .. ',[' .. table.concat(payloads, ',') .. '],"' .. (meta[4] or '') .. '"]')
return {'ok', string.format('%.0f', head + 1)}
