/**
 * The scripts that run within the store, each as a whole. Their keys are the epoch and then leases; their first two arguments
 * are a random word and a time to live in milliseconds.
 *
 * Each of them sets the epoch, and so none runs on a replica, or on a master that may not write without its replicas. The
 * epoch lives as long as a lease would: what deletes all leases, or lets them all expire, ends the epoch too. It names the
 * longest time to live that the agents use.
 */
const setEpoch = `
local word, longest = ARGV[1], tonumber(ARGV[2])
local epoch = redis.call('GET', KEYS[1])
if epoch then
  local known, ms = string.match(epoch, '^(%w+) (%d+)$')
  if known then
    word, longest = known, math.max(longest, tonumber(ms))
  end
end
longest = string.format('%d', longest)
redis.call('SET', KEYS[1], word .. ' ' .. longest, 'PX', longest)
`

/** Sets or renews a lease, whose value is the third argument. Returns `other` if the lease has another value, and leaves it. */
export const takeScript = `${setEpoch}
local value = redis.call('GET', KEYS[2])
if value and value ~= ARGV[3] then
  return 'other'
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2])
return value and 'renewed' or 'made'
`

/** Deletes a lease, if its value is the third argument. */
export const releaseScript = `${setEpoch}
if redis.call('GET', KEYS[2]) == ARGV[3] then
  redis.call('DEL', KEYS[2])
end
return 'released'
`

/**
 * Returns which run of the server answered, how many keys it has evicted, the word of the epoch, the longest time to live, the
 * server's clock in milliseconds, and for each lease whether it is `held` or `absent`. A lease that would outlive the longest time to live, because the server's
 * clock was set back, gets that time from now.
 */
export const readScript = `${setEpoch}
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local evicted = string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)')
local time = redis.call('TIME')
local nowMs = string.format('%d', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local answer = { run or '', evicted or '', word, longest, nowMs }
for at = 2, #KEYS do
  local leftMs = redis.call('PTTL', KEYS[at])
  if leftMs == -1 or leftMs > tonumber(longest) then
    redis.call('PEXPIRE', KEYS[at], longest)
  end
  answer[#answer + 1] = leftMs == -2 and 'absent' or 'held'
end
return answer
`

/** One step of a walk over all keys: the third argument is the cursor, the fourth the pattern. */
export const listScript = `${setEpoch}
return redis.call('SCAN', ARGV[3], 'MATCH', ARGV[4], 'COUNT', 1000)
`
