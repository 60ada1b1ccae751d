import { describe, expect, it } from 'vitest'
import { settings } from '../../src/options/command-settings.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'

const owner = '--owner com.example.agent=agent-7'
const durationFrom = (least: string) =>
  `it must be a duration from ${least} to 8760h, such as "90s", "5m" or "1h30m"`
const selfForm = 'it must be a container id of at least 12 digits, or a container name'
const ownerForm =
  'it must be KEY=VALUE, KEY=* for any value, or KEY alone with --sessions; neither part may be empty, and KEY must not contain spaces'
const hostForms =
  'allowed are unix:///path, tcp://host:port, http://host:port, https://host:port, ssh://user@host, npipe:////./pipe/name'
const levels = 'trace, debug, info, warn, error, fatal, silent'

/** Unusable command lines, and the whole output for each. */
const wrong: readonly (readonly [line: string | readonly string[], reported: string])[] = [
  ['bogus', "unknown command 'bogus'"],
  ['scna', "unknown command 'scna' (Did you mean scan?)"],
  [`scan ${owner} --ownr a=b`, "unknown option '--ownr' (Did you mean --owner?)"],
  [`scan ${owner} more`, "too many arguments for 'scan'. Expected 0 arguments but got 1."],
  ['scan --owner', "option '--owner <KEY=VALUE>' argument missing"],

  ['scan', '--owner is missing; it is required without --preset'],
  ['run --nothing-tracked', '--owner is missing; it is required without --preset'],
  ['sweep --nothing-tracked', '--owner is missing; it is required without --preset'],
  ['scan --owner =x', `--owner: "=x" is not allowed; ${ownerForm}`],
  ['scan --owner KEY=', `--owner: "KEY=" is not allowed; ${ownerForm}`],
  [
    'scan --owner KEY',
    '--owner: "KEY" is not allowed; it must be KEY=VALUE or KEY=*; KEY alone needs --sessions',
  ],
  [['scan', '--owner', ''], `--owner: "" is not allowed; ${ownerForm}`],
  [['scan', '--owner', 'a b=c'], `--owner: "a b=c" is not allowed; ${ownerForm}`],
  ['scan --owner a=b --owner c=d', '--owner may be given only once'],
  [
    'scan --owner flotsam.keep=x',
    '--owner: "flotsam.keep=x" is not allowed; its label must not be that of --keep-label, or nothing is ever removed',
  ],
  ['scan --preset kubernetes', '--preset: "kubernetes" is not allowed; it must be nomad'],

  [
    `run ${owner}`,
    'no tracker given; give --tracked FILE, --tracked-url URL, --nothing-tracked or --sessions STORE',
  ],
  [
    `sweep ${owner}`,
    'no tracker given; give --tracked FILE, --tracked-url URL, --nothing-tracked or --sessions STORE',
  ],
  [
    `sweep ${owner} --tracked f --nothing-tracked`,
    '--tracked and --nothing-tracked cannot be given together; give one of them',
  ],
  [
    `sweep ${owner} --tracked f --tracked-url http://127.0.0.1/`,
    '--tracked and --tracked-url cannot be given together; give one of them',
  ],
  [
    `sweep ${owner} --nothing-tracked --tracked-url http://127.0.0.1/`,
    '--tracked-url and --nothing-tracked cannot be given together; give one of them',
  ],
  [`sweep ${owner} --tracked f --tracked g`, '--tracked may be given only once'],
  [['sweep', ...owner.split(' '), '--tracked', ''], '--tracked: "" is not allowed; it must name a file'],
  [
    `sweep ${owner} --tracked-url ftp://127.0.0.1/`,
    '--tracked-url: "ftp://127.0.0.1/" is not allowed; it must be http://… or https://…',
  ],
  [
    `sweep ${owner} --tracked-url http://`,
    '--tracked-url: "http://" is not allowed; it must be http://… or https://…',
  ],
  [
    `sweep ${owner} --tracked-url http://me:secret@127.0.0.1/`,
    '--tracked-url: a URL with a user or password is not allowed; it must have no credentials, which would not be sent',
  ],

  [`scan ${owner} --period 99ms`, `--period: "99ms" is not allowed; ${durationFrom('100ms')}`],
  [`scan ${owner} --creation-grace 0s`, `--creation-grace: "0s" is not allowed; ${durationFrom('1ms')}`],
  [
    `scan ${owner} --creation-grace 9s`,
    '--creation-grace: "9s" is not allowed; it must be at least 10s, or --allow-short-grace must be given (for tests and demonstrations)',
  ],
  [
    'scan --preset nomad --filter-listing',
    '--filter-listing: true is not allowed; --preset matches more than one label, so it needs unfiltered listings',
  ],
  [`scan ${owner} --log-level loud`, `--log-level: "loud" is not allowed; it must be one of ${levels}`],
  [`scan ${owner} --host nowhere`, `--host: "nowhere" is not allowed; the scheme is missing; ${hostForms}`],
  [
    `scan ${owner} --host unix://relative`,
    `--host: "unix://relative" is not allowed; the path of the socket must begin with a slash; ${hostForms}`,
  ],
  [
    `sweep ${owner} --nothing-tracked --host tcp://host:0`,
    `--host: "tcp://host:0" is not allowed; the port is not within 1 and 65535; ${hostForms}`,
  ],
  [
    `run ${owner} --nothing-tracked --host gopher://host`,
    `--host: "gopher://host" is not allowed; the scheme 'gopher' is unknown; ${hostForms}`,
  ],
  [
    `scan ${owner} --self c0ffee`,
    '--self: "c0ffee" is not allowed; it must be a container id of at least 12 digits, or a container name',
  ],
  [
    `scan ${owner} --self a/b`,
    '--self: "a/b" is not allowed; it must be a container id of at least 12 digits, or a container name',
  ],
  [['scan', ...owner.split(' '), '--self', ''], `--self: "" is not allowed; ${selfForm}`],
  [`scan ${owner} --self a --self b`, '--self may be given only once'],
  // options that a sweep sets itself are still checked
  [
    `sweep ${owner} --nothing-tracked --restore-grace 5`,
    `--restore-grace: "5" is not allowed; ${durationFrom('0s')}`,
  ],
]

describe('wrong usage ends with 2 and one line that names the flag, the value and what is allowed', () => {
  it.each(wrong)('%s', async (line, reported) => {
    expect(await ranCli(line)).toEqual({ code: 2, out: '', err: `error: ${reported}\n` })
  })

  it('shows only the beginning of a long value, and no control characters', async () => {
    const { err } = await ranCli(['scan', '--owner', `\u001b[2J${'x'.repeat(500)}`])
    expect(err).toMatch(/^error: --owner: "\\u001b\[2Jx{85,100}… is not allowed; .*\n$/)
    expect(await ranCli(['\u001b[2J'])).toEqual({ code: 2, out: '', err: "error: unknown command '?[2J'\n" })
  })

  it('without a command, the help goes to stderr', async () => {
    const { code, out, err } = await ranCli('')
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^Usage: flotsam /)
  })

  it('an unusable engine in DOCKER_HOST is reported by that name', async () => {
    const before = process.env['DOCKER_HOST']
    process.env['DOCKER_HOST'] = 'gopher://host'
    try {
      const { code, err } = await ranCli(`scan ${owner}`)
      expect(code).toBe(2)
      expect(err).toMatch(
        /^error: DOCKER_HOST: "gopher:\/\/host" is not allowed; the scheme 'gopher' is unknown; [^\n]*\n$/,
      )
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
    }
  })
})

describe('help and version', () => {
  it('--version prints the version on stdout', async () => {
    expect(await ranCli('--version')).toEqual({ code: 0, out: '9.8.7\n', err: '' })
  })

  it.each(['run', 'scan', 'sweep', 'session', 'sessions', 'config'])(
    '%s --help prints every flag of its own on stdout',
    async (command) => {
      const { code, out, err } = await ranCli(`${command} --help`)
      expect([code, err]).toEqual([0, ''])
      const flags = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag)
      const isOf = (only: readonly string[] | undefined) =>
        only === undefined || only.includes(command) || command === 'config'
      const [own, others] = [true, false].map((is) =>
        settings.filter(({ commands: only }) => isOf(only) === is).map(({ flag }) => flag),
      )
      expect(flags).toEqual(expect.arrayContaining([...(own ?? []), '--config']))
      expect(flags).not.toEqual(expect.arrayContaining(others?.length ? others : ['--none']))
      expect(flags.includes('--json')).toBe(command !== 'session')
      expect(settings.length).toBeGreaterThan(25)
      expect(out).toContain(
        'Exit codes: 0 done; 1 something failed; 2 wrong usage or configuration; of session',
      )
    },
  )
})

/** The options that the library receives for a command line. */
const passedOn: readonly (readonly [line: string, options: object])[] = [
  ['--owner a=b', { owner: { label: 'a', value: 'b' } }],
  ['--owner a=b=c', { owner: { label: 'a', value: 'b=c' } }],
  ['--owner a=*', { owner: { label: 'a', anyValue: true } }],
  ['--owner a=**', { owner: { label: 'a', value: '**' } }],
  ['--preset nomad', { preset: 'nomad' }],
  ['--preset nomad --owner a=b', { preset: 'nomad', owner: { label: 'a', value: 'b' } }],
  [
    '--owner a=b --period 1m --creation-grace 1s --allow-short-grace --restore-grace 0s --release-grace 2s',
    {
      owner: { label: 'a', value: 'b' },
      period: 60_000,
      creationGrace: 1000,
      allowShortGrace: true,
      restoreGrace: 0,
      releaseGrace: 2000,
    },
  ],
  [
    '--owner a=b --states created,exited --filter-listing',
    {
      owner: { label: 'a', value: 'b' },
      states: ['created', 'exited'],
      filterListing: true,
    },
  ],
  ['--owner a=b --orchestrated', { owner: { label: 'a', value: 'b' }, orchestrated: true }],
  ['--owner a=b --self agent', { owner: { label: 'a', value: 'b' }, self: 'agent' }],
  ['--owner a=b --no-events', { owner: { label: 'a', value: 'b' }, events: false }],
  ['--owner a=b --no-remove-volumes', { owner: { label: 'a', value: 'b' }, removeVolumes: false }],
  [
    '--owner a=b --recovery-grace 20s --stop-timeout 3s --keep-label keep --backoff 2s..1m30s',
    {
      owner: { label: 'a', value: 'b' },
      recoveryGrace: 20_000,
      stopTimeout: 3000,
      keepLabel: 'keep',
      backoff: { min: 2000, max: 90_000 },
    },
  ],
  [
    '--owner a=b --max-concurrent-removals 3 --max-removals-per-scan 7 --max-dangling-share 0.5',
    {
      owner: { label: 'a', value: 'b' },
      maxConcurrentRemovals: 3,
      maxRemovalsPerScan: 7,
      maxDanglingShare: 0.5,
    },
  ],
]

describe('flags become options of the library, and anything not given is left to its defaults', () => {
  it.each(passedOn)('%s', async (line, options) => {
    const world = createTestWorld()
    await ranCli(`scan --host unix:///nowhere ${line}`, world)
    const [{ tracked: _tracked, ...given } = {}] = world.made
    expect(given).toEqual({ engine: 'unix:///nowhere', dryRun: true, ...options })
  })
})
