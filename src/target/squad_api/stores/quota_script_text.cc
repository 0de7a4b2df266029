// The Lua of quota_script.h. Numbers are doubles there: exact up to 2^53, which microseconds since
// 1970 reach in the year 2255. Text of numbers is made by int() alone, because Lua's own turns
// large ones into 1.79e+15. Writes of a hash come before deletions: when memory is full (OOM) the
// first of them fails and nothing has changed.
#include "target/squad_api/stores/quota_script.h"

namespace squadload::squad_api {
namespace {

// State, time, what has left the window, the bucket. Every script begins so.
constexpr std::string_view kPrelude = R"lua(
local key = KEYS[1]
local epoch, clock = ARGV[1], ARGV[2]
local limit_n, limit_t = tonumber(ARGV[3]), tonumber(ARGV[4])
local window, gateways = tonumber(ARGV[5]), tonumber(ARGV[6])
local keeps_shares, depth = ARGV[7] == '1', tonumber(ARGV[8])
local rate_amount, rate_per = tonumber(ARGV[9]), tonumber(ARGV[10])
local UNIT = 1e9  -- parts of a token of the bucket
local MERGE = 8192

local function int(x) return string.format('%.0f', x) end

local texts = {'epoch', 'run', 'members', 'told'}
local numbers = {'founded', 'joined', 'last', 'offset', 'head', 'tail', 'n', 't',
                 'level', 'at', 'admitted', 'tokens', 'largest', 'first'}
local s = {}
local function load()
  local names = {}
  for _, name in ipairs(texts) do names[#names + 1] = name end
  for _, name in ipairs(numbers) do names[#names + 1] = name end
  local got = redis.call('HMGET', key, unpack(names))
  if not got[1] then return false end
  for i, name in ipairs(texts) do s[name] = got[i] or '' end
  for i, name in ipairs(numbers) do s[name] = tonumber(got[#texts + i] or '0') or 0 end
  return true
end

local function time()
  if clock ~= '' then return tonumber(clock) end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local now
local function tick()
  now = time() + s.offset
  if now < s.last then
    s.offset = s.offset + s.last - now
    now = s.last
  end
  s.last = now
end

-- Gateways that count as taking part at that time: all, once a window has passed.
local function taking_part(at)
  if s.joined >= gateways or at >= s.founded + window then return gateways end
  return s.joined
end

local function read(entry)
  local at, n, t = string.match(entry, '^(%d+) (%d+) (%d+)$')
  return tonumber(at), tonumber(n), tonumber(t)
end

-- Calls f(seq, at, n, t) for entries from the oldest on, until it says false.
local function each(f)
  local seq, step = s.head, 1
  while seq <= s.tail do
    local names = {}
    for i = seq, math.min(s.tail, seq + step - 1) do names[#names + 1] = int(i) end
    local got = redis.call('HMGET', key, unpack(names))
    for i = 1, #names do
      if got[i] and not f(seq + i - 1, read(got[i])) then return end
    end
    seq = seq + #names
    step = math.min(step * 8, 256)
  end
end

local gone = {}
local function trim()
  local head = s.tail + 1
  each(function(seq, at, n, t)
    if now - at < window then head = seq; return false end
    gone[#gone + 1] = int(seq)
    s.n, s.t = s.n - n, s.t - t
    return true
  end)
  s.head = head
end

-- What those who take part may use of a limit together. Shares are whole, so that what k of them
-- leave over is nobody's as long as one is missing.
local function for_all(limit)
  local n = taking_part(now)
  if n >= gateways or not keeps_shares then return limit end
  return n * math.floor(limit / gateways)
end
local function depth_now() return for_all(depth) end

-- Of the bucket's rate, likewise.
local function part_of_rate(at)
  return keeps_shares and taking_part(at) / gateways or 1
end

local function refill()
  if depth > 0 then
    local come = (now - s.at) * rate_amount * part_of_rate(s.at) / rate_per * UNIT
    s.level = math.max(0, math.min(depth_now() * UNIT, s.level + math.floor(come)))
  end
  s.at = now
end

local function save(entries)
  local fields = {}
  for _, name in ipairs(texts) do
    fields[#fields + 1] = name
    fields[#fields + 1] = s[name]
  end
  for _, name in ipairs(numbers) do
    fields[#fields + 1] = name
    fields[#fields + 1] = int(s[name])
  end
  redis.call('HSET', key, unpack(fields))
  for i = 1, #entries, 512 do
    redis.call('HSET', key, unpack(entries, i, math.min(i + 511, #entries)))
  end
  for i = 1, #gone, 512 do
    redis.call('HDEL', key, unpack(gone, i, math.min(i + 511, #gone)))
  end
  redis.call('PEXPIRE', key, int(math.ceil(window / 1000) * 2 + 60000))
end

local function counts(reply)
  for _, x in ipairs({s.admitted, s.tokens, s.largest, taking_part(now),
                      math.floor(s.level / UNIT), s.n, s.t}) do
    reply[#reply + 1] = x
  end
  return reply
end
)lua";

constexpr std::string_view kBegin = R"lua(
if not load() or s.epoch ~= epoch then return {'join'} end
tick()
trim()
refill()
)lua";

// All limits in one step: the one that takes longest refuses.
constexpr std::string_view kAcquire = R"lua(
local asked = tonumber(ARGV[11])
local wait, refused = 0, ''
local function consider(name, duration)
  if duration > wait then wait, refused = duration, name end
end

-- How long until that much has left, of requests or tokens. What entries cannot give, the shares
-- kept for missing gateways do, a window after the founding.
local function until_gone(much, tokens)
  local at_last
  each(function(seq, at, n, t)
    much = much - (tokens and t or n)
    at_last = at
    return much > 0
  end)
  if much > 0 then return math.max(1, s.founded + window - now) end
  return math.max(1, at_last + window - now)
end

local free_n = for_all(limit_n) - s.n
if limit_n > 0 and free_n < 1 then consider('requests', until_gone(1 - free_n, false)) end
if depth > 0 and s.level < UNIT then
  consider('burst', math.max(1, math.ceil((UNIT - s.level) / UNIT * rate_per / rate_amount /
                                          part_of_rate(now))))
end
local free_t = for_all(limit_t) - s.t
if limit_t > 0 and free_t < asked then consider('tokens', until_gone(asked - free_t, true)) end
if refused ~= '' then
  save({})
  return counts({'no', refused, wait})
end

local charged = limit_t > 0 and asked or 0
s.n, s.t = s.n + 1, s.t + charged
s.admitted, s.tokens = s.admitted + 1, s.tokens + charged
s.largest = math.max(s.largest, charged)
if depth > 0 then s.level = s.level - UNIT end
local n, t = 1, charged
local newest = s.tail >= s.head and redis.call('HGET', key, int(s.tail))
if newest and s.tail - s.head + 1 >= MERGE and now - s.first < window / MERGE then
  local _, n_before, t_before = read(newest)
  n, t = n + n_before, t + t_before
else
  s.tail = s.tail + 1
  s.first = now
end
save({int(s.tail), int(now) .. ' ' .. int(n) .. ' ' .. int(t)})
return counts({'yes', s.tail, 0})
)lua";

// The epoch does not matter: entries have numbers that never come again. To the bucket nothing
// comes back unless nothing was taken since, as in limits::TokenBucket.
constexpr std::string_view kCancel = R"lua(
if not load() then return {'join'} end
tick()
trim()
refill()
local seq, charged = tonumber(ARGV[11]), tonumber(ARGV[12])
if limit_t == 0 then charged = 0 end
local entry = seq >= s.head and seq <= s.tail and redis.call('HGET', key, int(seq))
if not entry then
  save({})
  return counts({'no', '', 0})
end
local at, n, t = read(entry)
if n >= 1 and t >= charged then
  s.n, s.t = s.n - 1, s.t - charged
  if depth > 0 and seq == s.tail and n == 1 then
    s.level = math.min(depth_now() * UNIT, s.level + UNIT)
  end
  n, t = n - 1, t - charged
end
save({int(seq), int(at) .. ' ' .. int(n) .. ' ' .. int(t)})
return counts({'yes', seq, 0})
)lua";

constexpr std::string_view kLook = R"lua(
save({})
return counts({'yes', 0, 0})
)lua";

constexpr std::string_view kJoin = R"lua(
local run, gateway, renew = ARGV[11], ARGV[12], ARGV[13] == '1'
local level, fresh, knows = tonumber(ARGV[14]), ARGV[15] == '1', tonumber(ARGV[16])
local known = tonumber(ARGV[17])

-- The state's own name is the epoch up to the dot.
local function state_of(e) return string.match(e, '^[^.]*') end

local there = load()
local founding = not there or s.run ~= run
if founding then
  if there then redis.call('DEL', key) end
  s = {offset = 0, last = 0}
  tick()
  for _, name in ipairs(numbers) do s[name] = s[name] or 0 end
  -- Entries are numbered from the founding time on, so that a number of one state means nothing in
  -- the next. Nobody admits more than one per microsecond for long.
  s.head, s.tail = now, now - 1
  s.run, s.members, s.told, s.at, s.founded = run, '', '', now, now
  s.epoch = string.sub(run, 1, 12) .. '-' .. int(now) .. '.0'
else
  tick()
  trim()
  refill()
end

-- What was admitted in a state that was lost is told once, by the first who knew its last epoch;
-- again by whoever knows of more than that one did.
local brings_known = knows >= 0 and state_of(epoch) ~= state_of(s.epoch)
if brings_known then
  local _, at = string.find(s.told, epoch .. '=', 1, true)
  local told = at and tonumber(string.match(s.told, '^%d+', at + 1)) or -1
  brings_known = knows > told
  if brings_known then s.told = epoch .. '=' .. int(knows) .. ' ' .. string.sub(s.told, 1, 400) end
end
if renew and not founding then
  local generation = tonumber(string.match(s.epoch, '%.(%d+)$'))
  s.epoch = state_of(s.epoch) .. '.' .. int(generation + 1)
  s.members, s.joined, s.founded, s.level = '', 0, now, 0
end
if not string.find(s.members, gateway, 1, true) then
  s.members = s.members .. gateway .. ' '
  s.joined = s.joined + 1
  s.level = s.level + level * UNIT
end
if founding and fresh then s.level = depth * UNIT end
s.level = math.max(0, math.min(s.level, depth_now() * UNIT))

-- The log with what was brought along, in the order of time, renumbered.
local brought = {}
for i = 18, #ARGV, 3 do
  local from_known = (i - 18) / 3 < known
  if brings_known or not from_known then
    local at = now - tonumber(ARGV[i])
    if now - at < window then
      brought[#brought + 1] = {at, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])}
    end
  end
end
local entries = {}
if #brought > 0 then
  each(function(seq, at, n, t)
    gone[#gone + 1] = int(seq)
    brought[#brought + 1] = {at, n, t}
    return true
  end)
  table.sort(brought, function(a, b) return a[1] < b[1] end)
  s.head = s.tail + 1
  s.n, s.t = 0, 0
  for _, e in ipairs(brought) do
    s.tail = s.tail + 1
    s.n, s.t = s.n + e[2], s.t + e[3]
    entries[#entries + 1] = int(s.tail)
    entries[#entries + 1] = int(e[1]) .. ' ' .. int(e[2]) .. ' ' .. int(e[3])
  end
end
save(entries)

-- What is in the window, in slots as old as their youngest part.
local reply = counts({s.epoch})
local first, last, n, t
local function slot()
  if first then
    for _, x in ipairs({now - last, n, t}) do reply[#reply + 1] = x end
  end
end
each(function(seq, at, n_here, t_here)
  if not first or at - first >= window / 64 then
    slot()
    first, n, t = at, 0, 0
  end
  last, n, t = at, n + n_here, t + t_here
  return true
end)
slot()
return reply
)lua";

std::string joined(std::string_view begin, std::string_view rest) {
    return std::string(kPrelude).append(begin).append(rest);
}

}  // namespace

std::vector<std::string_view> quota_scripts() {
    static const std::string acquire = joined(kBegin, kAcquire);
    static const std::string cancel = joined("", kCancel);
    static const std::string look = joined(kBegin, kLook);
    static const std::string join = joined("", kJoin);
    return {acquire, cancel, look, join};
}

}  // namespace squadload::squad_api
