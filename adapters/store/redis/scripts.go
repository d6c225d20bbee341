package redis

import goredis "github.com/redis/go-redis/v9"

// scripts are the store's writes, each atomic in Redis. All may be sent twice,
// for want of an answer to the first, without doing harm.
type scripts struct {
	put        *goredis.Script
	touch      *goredis.Script
	remove     *goredis.Script
	tryLeases  *goredis.Script
	dropLeases *goredis.Script
}

func newScripts() scripts {
	return scripts{
		put:        goredis.NewScript(putScript),
		touch:      goredis.NewScript(touchScript),
		remove:     goredis.NewScript(removeScript),
		tryLeases:  goredis.NewScript(tryLeasesScript),
		dropLeases: goredis.NewScript(dropLeasesScript),
	}
}

// What the scripts answer.
const (
	answerDone     = "done"
	answerConflict = "conflict"
	answerAbsent   = "absent"
)

// putScript replaces a hash if it has the expected version.
//
// KEYS[1] is the hash. ARGV: the expected version ("": no hash, or one that
// is not ours), the new version, the milliseconds to live (0: forever), the channel
// ("": announce nothing) and the message, then fields and values.
//
// A hash that has the new version already was written by this very call. The
// change is announced first: if that is forbidden, nothing must have changed. Nobody
// can read between the two.
const putScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
local current = kind == 'hash' and redis.call('HGET', KEYS[1], 'version') or ''
if current == ARGV[2] then return 'done' end
if current ~= ARGV[1] then return 'conflict' end
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
if kind ~= 'hash' and kind ~= 'none' then redis.call('UNLINK', KEYS[1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 6))
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 'done'
`

// touchScript moves a record's checked_at forward and its expiry with it.
//
// KEYS[1] is the record. ARGV: its version, the time, the milliseconds to live.
// Of two times the one with the longer text is later, else the one that sorts
// after the other.
const touchScript = `
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 'absent' end
local current, checked = unpack(redis.call('HMGET', KEYS[1], 'version', 'checked_at'))
if not current or current == '' then return 'absent' end
if current ~= ARGV[1] then return 'conflict' end
if not checked or #checked < #ARGV[2] or #checked == #ARGV[2] and checked < ARGV[2] then
  redis.call('HSET', KEYS[1], 'checked_at', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 'done'
`

// removeScript removes a record. KEYS[1] is the record; ARGV: channel, message.
const removeScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
  redis.call('UNLINK', KEYS[1])
end
return 'done'
`

// leaseFunctions are the parts that the scripts of leases share. parse returns the
// time at which a lease runs out, its holder and its note, or 0 for a field that is not a
// lease. each calls f with up to 3,000 of the names at a time, because a command in a
// script takes no more than some thousand arguments, and then stores the fields that f
// has put into changes.
const leaseFunctions = `
local function parse(field)
  local till, size, from = string.match(field or '', '^(%d+) (%d+) ()')
  if not till then return 0, '', '' end
  return tonumber(till), string.sub(field, from, from + size - 1), string.sub(field, from + size)
end
local function each(first, step, f)
  for start = first, #ARGV, 3000 * step do
    local names, changes = {}, {}
    for i = start, math.min(start + 3000 * step - 1, #ARGV), step do names[#names + 1] = ARGV[i] end
    local fields = redis.call('HMGET', KEYS[1], unpack(names))
    for i, name in ipairs(names) do
      local changed = f(fields[i], start + (i - 1) * step)
      if changed then
        changes[#changes + 1] = name
        changes[#changes + 1] = changed
      end
    end
    if #changes > 0 then redis.call('HSET', KEYS[1], unpack(changes)) end
  end
end
`

// What tryLeasesScript answers before each field.
const (
	answerOthers   = "-" // another holder has the lease
	answerExtended = "+" // the holder had it before
	answerGained   = "*" // the holder has it now
)

// tryLeasesScript takes or extends leases. It returns the time of their clock, and each
// field as it is now behind one of the answers above.
//
// KEYS[1] is the hash of leases. ARGV: the hash's life, the holder, the time to live, all
// in milliseconds, then names and notes. A value that never expires is not ours and
// is replaced.
const tryLeasesScript = leaseFunctions + `
local left = redis.call('PTTL', KEYS[1])
if left == -1 then redis.call('UNLINK', KEYS[1]) end
local now = left < 0 and 0 or ARGV[1] - left
local till = string.format('%.0f', now + ARGV[3])
local answers = {string.format('%.0f', now)}
each(4, 2, function(field, at)
  local ends, holder, note = parse(field)
  if ends > now and holder ~= ARGV[2] then
    answers[#answers + 1] = '` + answerOthers + `' .. field
    return nil
  end
  if ARGV[at + 1] ~= '' then note = ARGV[at + 1] end
  local changed = till .. ' ' .. #ARGV[2] .. ' ' .. ARGV[2] .. note
  answers[#answers + 1] = (ends > now and '` + answerExtended + `' or '` + answerGained + `') .. changed
  return changed
end)
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return answers
`

// dropLeasesScript gives back leases. The notes stay.
//
// KEYS[1] is the hash of leases. ARGV: the holder, then names.
const dropLeasesScript = leaseFunctions + `
if redis.call('PTTL', KEYS[1]) < 0 then return 'done' end
each(2, 1, function(field)
  local ends, holder, note = parse(field)
  if ends > 0 and holder == ARGV[1] then return '0 0 ' .. note end
end)
return 'done'
`
