import { describe, expect, it } from 'vitest'
import { createTestWorld, ranCli } from './support/cli-world.ts'

const owner = '--owner com.example.agent=agent-7'
const durationForm = 'it must be a duration such as "90s", "5m" or "1h30m"'
const ownerForm =
  'it must be KEY=VALUE, or KEY=* for any value; neither part may be empty, nor KEY have spaces'
const hostForms =
  'allowed are unix:///path, tcp://host:port, http://host:port, https://host:port, ssh://user@host, npipe:////./pipe/name'
const levels = 'trace, debug, info, warn, error, fatal, silent'

/** Command lines that cannot be used, and all that the user is told. */
const wrong: readonly (readonly [line: string | readonly string[], told: string])[] = [
  ['bogus', "unknown command 'bogus'"],
  ['scna', "unknown command 'scna' (Did you mean scan?)"],
  [`scan ${owner} --ownr a=b`, "unknown option '--ownr' (Did you mean --owner?)"],
  [`scan ${owner} more`, "too many arguments for 'scan'. Expected 0 arguments but got 1."],
  ['scan --owner', "option '--owner <KEY=VALUE>' argument missing"],

  ['scan', '--owner is missing; give --owner KEY=VALUE, or --preset nomad'],
  ['run --nothing-tracked', '--owner is missing; give --owner KEY=VALUE, or --preset nomad'],
  ['sweep --nothing-tracked', '--owner is missing; give --owner KEY=VALUE, or --preset nomad'],
  ['scan --owner =x', `--owner: "=x" is not allowed; ${ownerForm}`],
  ['scan --owner KEY=', `--owner: "KEY=" is not allowed; ${ownerForm}`],
  ['scan --owner KEY', `--owner: "KEY" is not allowed; ${ownerForm}`],
  [['scan', '--owner', ''], '--owner: "" is not allowed; it must be KEY=VALUE'],
  [['scan', '--owner', 'a b=c'], `--owner: "a b=c" is not allowed; ${ownerForm}`],
  ['scan --owner a=b --owner c=d', '--owner: "c=d" is one too many; give it once'],
  [
    'scan --owner flotsam.keep=x',
    '--owner: the keep label cannot be the owner label too; then nothing could ever be removed',
  ],
  [
    'scan --preset kubernetes',
    "option '--preset <NAME>' argument 'kubernetes' is invalid. Allowed choices are nomad.",
  ],

  [
    `run ${owner}`,
    'it is not said what is tracked; give --tracked FILE, --tracked-url URL or --nothing-tracked',
  ],
  [
    `sweep ${owner}`,
    'it is not said what is tracked; give --tracked FILE, --tracked-url URL or --nothing-tracked',
  ],
  [
    `sweep ${owner} --tracked f --nothing-tracked`,
    "option '--tracked <FILE>' cannot be used with option '--nothing-tracked'",
  ],
  [
    `sweep ${owner} --tracked f --tracked-url http://127.0.0.1/`,
    "option '--tracked <FILE>' cannot be used with option '--tracked-url <URL>'",
  ],
  [
    `sweep ${owner} --nothing-tracked --tracked-url http://127.0.0.1/`,
    "option '--tracked-url <URL>' cannot be used with option '--nothing-tracked'",
  ],
  [`sweep ${owner} --tracked f --tracked g`, '--tracked: "g" is one too many; give it once'],
  [['sweep', ...owner.split(' '), '--tracked', ''], '--tracked: "" is not allowed; it must be FILE'],
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
    '--tracked-url: a user or password in it is not allowed; it would not be used',
  ],

  ...['--period', '--creation-grace', '--restore-grace', '--release-grace'].flatMap((flag) =>
    ['5', '1h foo', '-1s', 'NaN', '1d'].map(
      (value) =>
        [
          ['scan', ...owner.split(' '), flag, value],
          `${flag}: "${value}" is not allowed; ${durationForm}`,
        ] as const,
    ),
  ),
  [`scan ${owner} --period 0s`, '--period: "0s" is not allowed; it must be longer than zero'],
  [`scan ${owner} --period 99ms`, '--period: "99ms" is not allowed; it must be at least 100ms'],
  [`scan ${owner} --period 9000h`, '--period: "9000h" is not allowed; it must be at most a year, 8760h'],
  [`scan ${owner} --creation-grace 0s`, '--creation-grace: "0s" is not allowed; it must be longer than zero'],
  [
    `scan ${owner} --creation-grace 9s`,
    '--creation-grace: 9s is not allowed; it must be at least 10s, or --allow-short-grace must be given (for tests and demonstrations)',
  ],
  [
    'scan --preset nomad --filter-listing',
    '--filter-listing: true is not allowed with preset "nomad" alone; there is no one label to filter by, unless --owner narrows it',
  ],
  [
    `scan ${owner} --log-level loud`,
    `option '--log-level <LEVEL>' argument 'loud' is invalid. Allowed choices are ${levels}.`,
  ],
  [`scan ${owner} --host nowhere`, `--host: 'nowhere': it names no scheme; ${hostForms}`],
  [
    `scan ${owner} --host unix://relative`,
    `--host: 'unix://relative': the path of the socket must begin with a slash; ${hostForms}`,
  ],
  [
    `sweep ${owner} --nothing-tracked --host tcp://host:0`,
    `--host: 'tcp://host:0': the port is not within 1 and 65535; ${hostForms}`,
  ],
  [
    `run ${owner} --nothing-tracked --host gopher://host`,
    `--host: 'gopher://host': the scheme 'gopher' is unknown; ${hostForms}`,
  ],
  // what a sweep sets for itself is checked all the same
  [
    `sweep ${owner} --nothing-tracked --restore-grace 5`,
    `--restore-grace: "5" is not allowed; ${durationForm}`,
  ],
]

describe('wrong usage ends with 2 and one line that names the flag, the value and what is allowed', () => {
  it.each(wrong)('%s', async (line, told) => {
    expect(await ranCli(line)).toEqual({ code: 2, out: '', err: `error: ${told}\n` })
  })

  it('shows no more than the beginning of a long value, and nothing that a terminal would obey', async () => {
    const { err } = await ranCli(['scan', '--owner', `\u001b[2J${'x'.repeat(500)}`])
    expect(err).toMatch(/^error: --owner: "\\u001b\[2Jx{85,100}… is not allowed; .*\n$/)
    expect(await ranCli(['\u001b[2J'])).toEqual({ code: 2, out: '', err: "error: unknown command '?[2J'\n" })
  })

  it('without a command, the help goes to stderr', async () => {
    const { code, out, err } = await ranCli('')
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^Usage: flotsam /)
  })

  it('an engine in DOCKER_HOST that cannot be used is named by that', async () => {
    const before = process.env['DOCKER_HOST']
    process.env['DOCKER_HOST'] = 'gopher://host'
    try {
      const { code, err } = await ranCli(`scan ${owner}`)
      expect(code).toBe(2)
      expect(err).toMatch(
        /^error: DOCKER_HOST is 'gopher:\/\/host': the scheme 'gopher' is unknown; [^\n]*\n$/,
      )
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
    }
  })
})

describe('help and version', () => {
  it('--version tells the version on stdout', async () => {
    expect(await ranCli('--version')).toEqual({ code: 0, out: '9.8.7\n', err: '' })
  })

  it.each(['run', 'scan', 'sweep'])('%s --help tells every shared flag on stdout', async (command) => {
    const { code, out, err } = await ranCli(`${command} --help`)
    expect([code, err]).toEqual([0, ''])
    const flags = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag)
    expect(flags).toEqual(
      expect.arrayContaining([
        '--host',
        '--owner',
        '--preset',
        '--tracked',
        '--tracked-url',
        '--nothing-tracked',
        '--period',
        '--creation-grace',
        '--restore-grace',
        '--release-grace',
        '--allow-short-grace',
        '--include-stopped',
        '--filter-listing',
        '--no-events',
        '--dry-run',
        '--json',
        '--log-level',
        '--config',
      ]),
    )
    expect(out).toContain('Exit codes: 0 done; 1 something failed; 2 wrong usage or configuration.')
  })
})

/** What reaches the library of the words on the command line. */
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
      period: '1m',
      creationGrace: '1s',
      allowShortGrace: true,
      restoreGrace: '0s',
      releaseGrace: '2s',
    },
  ],
  [
    '--owner a=b --include-stopped --filter-listing',
    {
      owner: { label: 'a', value: 'b' },
      states: ['created', 'running', 'paused', 'restarting', 'exited', 'dead'],
      filterListing: true,
    },
  ],
  ['--owner a=b --no-events', { owner: { label: 'a', value: 'b' }, events: false }],
]

describe('flags become options of the library, and what is not given is left to it', () => {
  it.each(passedOn)('%s', async (line, options) => {
    const world = createTestWorld()
    await ranCli(`scan --host unix:///nowhere ${line}`, world)
    const [{ tracked: _tracked, ...given } = {}] = world.made
    expect(given).toEqual({ engine: 'unix:///nowhere', dryRun: true, ...options })
  })
})
