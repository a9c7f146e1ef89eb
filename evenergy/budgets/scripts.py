"""The rules of a ledger in Lua, which Redis and Valkey run at once and whole: see `rules`, whose names they share.

Keys: ``log``, ``taken``, ``air`` and ``lost`` are sorted sets of slots, by the time of expiry, of granting, of the
death of a holder, and of the end of doubt; ``facts`` is all else. They share a hash tag, so that a cluster has them in
one place, and expire by themselves. Arguments: the clock ("" for the server's), window, flight and late in seconds, a
random number from 0 to 1, and another, and what each script says.
"""

_BASE = """
local LOG, TAKEN, AIR, LOST, FACTS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local window, flight, late = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local random, name = tonumber(ARGV[5]), ARGV[6]
local TICK, SLOW, STEP, POLL, LONGEST_POLL = 0.001, 30, 60, 0.05, 5
local kept = window + TICK
local now = tonumber(ARGV[1])
if now == nil then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end
local function text(number) return string.format('%.6f', number) end

local packed = redis.call('GET', FACTS)
local f = packed and cmsgpack.unpack(packed)
if not f or now < f.latest - STEP then
  f = {life = name, epoch = 0, void = 0, limit = 0, is_stable = true, state = 'unknown', width = 1, trial_at = now,
       told_at = 0, silent = 0, rejections = 0, spread = 0, gone = 0, latest = now, number = 0,
       trials = {}, others = {}, held = {}, reserve = {}, visits = {}}
  redis.call('DEL', LOG, TAKEN, AIR, LOST)
end

local function rows() return redis.call('ZCARD', LOG) end
local function flying() return redis.call('ZCARD', AIR) end
local function foreign() return f.others[1] and f.others[1][2] or 0 end
local function free() return f.limit - rows() - foreign() end
local function settled() return f.gone + rows() - flying() - redis.call('ZCARD', LOST) end
local function in_doubt()
  return foreign() > 0 or not f.is_stable or (f.silent >= 10 and 2 * f.silent >= f.limit)
end
local function gap()
  local mean = window / (f.limit > 0 and f.limit or 1000)
  return f.is_stable and mean or math.min(mean, 10)
end
local function share_of(member) return string.match(member, '^([^|]*)') end

local function drop(member)
  redis.call('ZREM', LOG, member)
  redis.call('ZREM', TAKEN, member)
  redis.call('ZREM', AIR, member)
  redis.call('ZREM', LOST, member)
  local share = share_of(member)
  local left = (f.held[share] or 0) - 1
  f.held[share] = left > 0 and left or nil
end
local function forget(count)
  local found = redis.call('ZRANGE', LOG, 0, count + flying() - 1)
  for _, member in ipairs(found) do
    if count > 0 and not redis.call('ZSCORE', AIR, member) then
      drop(member)
      f.gone = f.gone + 1
      count = count - 1
    end
  end
end
local function frees(count)
  local found, times = redis.call('ZRANGE', LOG, 0, count + flying() - 1, 'WITHSCORES'), {}
  for i = 1, #found, 2 do
    if #times < count and not redis.call('ZSCORE', AIR, found[i]) then
      times[#times + 1] = tonumber(found[i + 1]) - now
    end
  end
  return times
end

f.latest = math.max(now, f.latest)

while f.others[1] and f.others[1][1] + kept <= now do table.remove(f.others, 1) end
local found = redis.call('ZRANGEBYSCORE', AIR, '-inf', text(now))
for i = 1, #found do
  redis.call('ZADD', LOST, redis.call('ZSCORE', LOG, found[i]) or text(now), found[i])
  redis.call('ZREM', AIR, found[i])
  f.silent = f.silent + 1
end
redis.call('ZREMRANGEBYSCORE', LOST, '-inf', text(now))
for _, member in ipairs(redis.call('ZRANGEBYSCORE', LOG, '-inf', text(now))) do
  drop(member)
  f.gone = f.gone + 1
end

local function save()
  local ttl = math.ceil(2 * (window + flight))
  redis.call('SET', FACTS, cmsgpack.pack(f), 'EX', ttl)
  for _, key in ipairs({LOG, TAKEN, AIR, LOST}) do redis.call('EXPIRE', key, ttl) end
end
"""

TAKE = (
    _BASE
    + """
local share, holder, hurry, reserve = ARGV[7], ARGV[8], ARGV[9] == '1', cjson.decode(ARGV[10])
for other, part in pairs(reserve) do f.reserve[other] = {part, now} end
local withheld = 0
for other, entry in pairs(f.reserve) do
  if entry[2] + 3600 < now then
    f.reserve[other] = nil
  elseif other ~= share then
    withheld = withheld + math.max(0, math.ceil(entry[1] * f.limit) - (f.held[other] or 0))
  end
end
local trials = {}
for _, trial in ipairs(f.trials) do
  if trial[1] > now then trials[#trials + 1] = trial end
end
f.trials = trials

local is_open, room, count, air = f.state == 'open', free(), rows(), flying()
local completed, others, doubt = count - air, foreign(), in_doubt()
local is_trial = not is_open or room < 1
local is_granted
if is_trial then
  is_granted = now >= f.trial_at and (not is_open or doubt) and #f.trials < f.width
else
  is_granted = room - withheld >= 1
  if is_granted and others > 0 and not hurry then
    local part = math.max(0.25, completed / (completed + others))
    is_granted = air < math.max(1, 0.35 * part * (room + air))
  end
end

if is_granted then
  local known, gone = settled(), f.gone
  f.number = f.number + 1
  local member = share .. '|' .. holder .. '|' .. f.number
  redis.call('ZADD', LOG, text(now + flight + kept), member)
  redis.call('ZADD', TAKEN, text(now), member)
  redis.call('ZADD', AIR, text(now + flight), member)
  f.held[share] = (f.held[share] or 0) + 1
  if is_trial then f.trials[#f.trials + 1] = {now + math.min(SLOW, flight), member} end
  f.visits[holder] = nil
  save()
  return {1, member, f.life, text(now), f.epoch, f.void, known, gone}
end

local times = {}
if f.trial_at > now then times[1] = f.trial_at - now end
for _, trial in ipairs(f.trials) do times[#times + 1] = trial[1] - now end
if air > 0 then times[#times + 1] = (#f.trials > 0 or not is_open or room >= 1) and POLL or 1 end
local named = is_open and frees(64) or {}
local visiting = 0
for one, at in pairs(f.visits) do
  if at <= now then f.visits[one] = nil else visiting = visiting + 1 end
end
if named[1] and not f.visits[holder] then
  f.visits[holder] = now + named[math.min(visiting + 1, #named)]
end
if is_open and f.visits[holder] then times[#times + 1] = f.visits[holder] - now end
if is_open and f.others[1] then times[#times + 1] = f.others[1][1] + kept - now end
local seconds = LONGEST_POLL
for _, time in ipairs(times) do
  if time > 0 and time < seconds then seconds = time end
end
local unreserved = 0
if is_open and withheld > 0 then
  local wanted, all = withheld + 1 - room, redis.call('ZRANGE', LOG, 0, -1, 'WITHSCORES')
  unreserved = window
  for i = 1, #all, 2 do
    local other = share_of(all[i])
    if (other == share or not f.reserve[other]) and not redis.call('ZSCORE', AIR, all[i]) then
      wanted = wanted - 1
      if wanted <= 0 then
        unreserved = tonumber(all[i + 1]) - now
        break
      end
    end
  end
end
local learning = air > 0 and (#f.trials > 0 or (is_open and doubt) or f.told_at + window < now)
save()
for i, time in ipairs(named) do named[i] = text(time) end
local state = f.state
if state == 'half-open' and now < f.trial_at then state = 'closed' end
return {0, text(seconds), state, text(f.trial_at - now), room - withheld, air, completed,
        (is_open and doubt) and 1 or 0, learning and 1 or 0, text(unreserved), f.life, f.void, named}
"""
)

SETTLE = (
    _BASE
    + """
local second = tonumber(ARGV[7])
local member, life, taken_at, epoch = ARGV[8], ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
local settled_before, gone_before, kind = tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14]
local status, limit = tonumber(ARGV[15]), tonumber(ARGV[16])
local remaining, retry_after = tonumber(ARGV[17]), tonumber(ARGV[18])
local same = life == f.life
local is_known = same and redis.call('ZSCORE', LOG, member) and true or false
local is_current = not same or epoch == f.epoch
local is_trial, trials = false, {}
for _, trial in ipairs(f.trials) do
  if same and trial[2] == member then is_trial = true else trials[#trials + 1] = trial end
end
f.trials = trials

local function complete(counted)
  if not is_known then return end
  redis.call('ZADD', LOG, text(now + kept), member)
  redis.call('ZREM', AIR, member)
  if counted then
    redis.call('ZREM', LOST, member)
  else
    redis.call('ZADD', LOST, text(now + late), member)
  end
end
local function learned_nothing(failed)
  f.silent = f.silent + 1
  if f.state == 'unknown' or (f.state == 'half-open' and is_current and not failed) then
    f.width = math.min(2 * f.width, 256)
  elseif is_trial or f.state == 'open' then
    f.trial_at = math.max(f.trial_at, now + math.max(1, math.min(gap(), 30) * (0.5 + random)))
  end
end
local function pause()
  local mean, row = gap(), math.min(f.rejections, 20)
  local longest = math.min(window, math.max(300, 8 * mean))
  local first = frees(1)[1]
  if first then longest = math.min(longest, first) end
  if not retry_after then return math.max(1, math.min(longest, mean * 2 ^ row * (0.5 + f.spread / 2))) end
  local seconds = math.max(retry_after, 1)
  if row > 2 then seconds = math.max(seconds, math.min(longest, mean * 2 ^ (row - 3))) end
  return math.min(window, seconds + f.spread * math.min(2, 0.05 * seconds))
end
local function close()
  if is_current then
    f.rejections, f.spread = f.rejections + 1, second
  end
  local until_time = now + pause()
  f.trial_at = f.state == 'half-open' and math.max(f.trial_at, until_time) or until_time
  f.state, f.width, f.trials, f.epoch, f.void = 'half-open', 1, {}, f.epoch + 1, f.void + 1
end
local function observe(least, most)
  if least <= 0 and most >= foreign() then return end
  local proven, lowered = f.others, nil
  while proven[1] and proven[1][2] > most and proven[1][1] <= taken_at do
    lowered = table.remove(proven, 1)[1]
  end
  if lowered and most > foreign() then table.insert(proven, 1, {lowered, most}) end
  while #proven > 0 and proven[#proven][2] <= least do table.remove(proven) end
  if least > 0 then proven[#proven + 1] = {now, least} end
end
local function compare(used)
  local most, least = f.gone + rows(), 0
  if is_known then
    local perhaps_gone = f.gone + redis.call('ZCOUNT', TAKEN, '-inf', text(now - window))
    most, least = most - gone_before, math.max(0, settled_before - perhaps_gone) + 1
  end
  if used < least then forget(least - used) end
  observe(used - most, used - least)
end
local function open()
  if f.state ~= 'open' then f.state, f.width, f.rejections, f.trials = 'open', 1, 0, {} end
  f.told_at, f.silent = now, redis.call('ZCARD', LOST)
  if free() < 0 then f.void = f.void + 1 end
  if in_doubt() then f.trial_at = now + gap() * (0.5 + random) end
end
local function learn()
  if limit and limit > 0 then
    f.is_stable = limit == f.limit or f.limit == 0
    f.limit = limit
  end
  if status == 429 then
    if is_known then drop(member) end
    close()
    return
  end
  local says = (limit and limit > 0) or (remaining and f.limit > 0)
  complete(says)
  if rows() - flying() > math.min(math.max(f.limit, 1000), 100000) then forget(1) end
  if remaining and f.limit > 0 and is_current and f.is_stable then compare(f.limit - remaining) end
  if status >= 500 or not says then
    learned_nothing(status >= 500)
  elseif is_current then
    open()
  end
end

if kind == 'unsent' then
  if is_known then drop(member) end
elseif kind == 'lost' then
  complete(false)
  learned_nothing(true)
else
  learn()
end
save()
return {f.life, f.void}
"""
)

USES = (
    _BASE
    + """
local counts = {}
for _, member in ipairs(redis.call('ZRANGE', LOG, 0, -1)) do
  local owner = string.match(member, '^(.*)|')
  local entry = counts[owner] or {0, 0}
  local i = redis.call('ZSCORE', AIR, member) and 1 or 2
  entry[i] = entry[i] + 1
  counts[owner] = entry
end
local holders, kept_for = {}, {}
for owner, entry in pairs(counts) do holders[#holders + 1] = {owner, entry[1], entry[2]} end
for share, entry in pairs(f.reserve) do kept_for[#kept_for + 1] = {share, text(entry[1])} end
return {f.limit, foreign(), f.state, text(f.trial_at - now), holders, kept_for}
"""
)
