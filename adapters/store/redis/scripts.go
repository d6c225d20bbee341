package redis

import goredis "github.com/redis/go-redis/v9"

// scripts are the store's writes, each atomic in Redis. All may be sent twice,
// for want of an answer to the first, without doing harm.
type scripts struct {
	put       *goredis.Script
	touch     *goredis.Script
	remove    *goredis.Script
	tryLease  *goredis.Script
	dropLease *goredis.Script
}

func newScripts() scripts {
	return scripts{
		put:       goredis.NewScript(putScript),
		touch:     goredis.NewScript(touchScript),
		remove:    goredis.NewScript(removeScript),
		tryLease:  goredis.NewScript(tryLeaseScript),
		dropLease: goredis.NewScript(dropLeaseScript),
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

// tryLeaseScript takes or extends a lease and returns 0, or, when another holder
// has it, the milliseconds it has left, at least 1.
//
// KEYS[1] is the lease. ARGV: the holder, the milliseconds to live. A value that
// never expires is not ours and is replaced.
const tryLeaseScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' then
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and redis.call('GET', KEYS[1]) ~= ARGV[1] then return math.max(left, 1) end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
`

// dropLeaseScript gives back a lease. KEYS[1] is the lease; ARGV: the holder.
const dropLeaseScript = `
if redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('UNLINK', KEYS[1])
end
return 'done'
`
