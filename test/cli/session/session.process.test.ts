import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../testing/support.ts'
import { buildCli, type BuiltCli, type RunningCli } from '../support/built-cli.ts'

let cli: BuiltCli
let leases: string
beforeAll(() => {
  cli = buildCli()
  leases = join(cli.folder, 'leases')
})
afterAll(() => cli.close())

const session = (...command: readonly string[]) => [
  'session',
  '--sessions',
  leases,
  '--owner',
  'com.example.agent',
  '--',
  ...command,
]
const node = (code: string) => session(process.execPath, '-e', code)

/** What a command prints, and how it ends. */
async function ran(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = '') {
  const run = cli.start(args, ['pipe', 'pipe', 'pipe'], env)
  const { stdin } = run.child as unknown as { stdin: NodeJS.WritableStream }
  stdin.on('error', () => {})
  stdin.end(input)
  return { code: await run.ended, out: run.out(), err: run.err() }
}

const sockets = () => readdirSync(leases).filter((name) => /^[0-9a-f]{32}$/.test(name))

describe('flotsam session', () => {
  it('ends with the exit code of the command, and prints nothing of its own', async () => {
    expect(await ran(session('sh', '-c', 'echo out; echo err >&2; exit 7'))).toEqual({
      code: 7,
      out: 'out\n',
      err: 'err\n',
    })
    expect(await ran(session('true'))).toEqual({ code: 0, out: '', err: '' })
  })

  it('gives the command its standard input', async () => {
    const input = 'line\n'.repeat(50_000)
    expect(await ran(session('cat'), {}, input)).toEqual({ code: 0, out: input, err: '' })
  })

  it('leaves the pipes as they are: the command may wait for a slow reader', async () => {
    const pipe = `
      const { fstatSync, readFileSync, writeSync } = require('node:fs')
      const flags = readFileSync('/proc/self/fdinfo/1', 'latin1').match(/^flags:\\s*(\\d+)$/m)[1]
      writeSync(1, String(parseInt(flags, 8) & 0o4000))`
    const shell = `${JSON.stringify(process.execPath)} -e "$1" | cat`
    expect(spawnSync('sh', ['-c', shell, 'sh', pipe], { encoding: 'utf8' }).stdout).toBe('0')
    const words = [
      cli.main,
      ...session('sh', '-c', 'sleep 0.3; exec "$@"', 'sh', process.execPath, '-e', pipe),
    ]
    const inSession = `"$@" | cat`
    const { PATH } = process.env
    const { stdout } = spawnSync('sh', ['-c', inSession, 'sh', process.execPath, ...words], {
      encoding: 'utf8',
      env: { PATH, HOME: cli.folder },
    })
    expect(stdout).toBe('0')
  })

  it('gives the command its session, and leaves its other variables', async () => {
    const { out } = await ran(
      session('sh', '-c', 'echo $FLOTSAM_SESSION $FLOTSAM_LABEL $FLOTSAM_PERIOD $OTHER'),
      {
        FLOTSAM_PERIOD: '1m',
        OTHER: 'other',
      },
    )
    const [id = '', ...rest] = out.trim().split(' ')
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(rest).toEqual([`com.example.agent=${id}`, '1m', 'other'])
  })

  it('a flotsam within it accepts the two variables, and a session within it has its own', async () => {
    const inner = [process.execPath, cli.main, ...session('sh', '-c', 'echo $FLOTSAM_SESSION')]
    const { code, out, err } = await ran(session('sh', '-c', 'echo $FLOTSAM_SESSION; "$@"', 'sh', ...inner))
    const [outside, inside] = out.trim().split('\n')
    expect([code, err]).toEqual([0, ''])
    expect(inside).toMatch(/^[0-9a-f]{32}$/)
    expect(inside).not.toBe(outside)
    expect((await ran(session(process.execPath, cli.main, 'config', '--owner', 'a=b'))).code).toBe(0)
  })

  it('holds its lease while the command runs, and no longer', async () => {
    const run = cli.start(session('sh', '-c', 'echo $FLOTSAM_SESSION; exec sleep 60'))
    await run.reported('\n')
    expect(sockets()).toEqual([run.out().trim()])
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(128 + constants.signals.SIGTERM)
    expect(sockets()).toEqual([])
  })

  it('options behind the command are its own, with and without --', async () => {
    const words = session('echo', '--owner', 'x', '--sweep', '--help')
    expect((await ran(words)).out).toBe('--owner x --sweep --help\n')
    expect((await ran(words.filter((word) => word !== '--'))).out).toBe('--owner x --sweep --help\n')
  })

  it('a command that is not found ends it with 127, one that cannot be executed with 126', async () => {
    expect(await ran(session('no-such-command'))).toEqual({
      code: 127,
      out: '',
      err: 'error: cannot run "no-such-command": not found\n',
    })
    expect(await ran(session(''))).toEqual({ code: 127, out: '', err: 'error: cannot run "": not found\n' })
    const file = join(cli.folder, 'not-executable')
    writeFileSync(file, 'text')
    expect(await ran(session(file))).toEqual({
      code: 126,
      out: '',
      err: `error: cannot run "${file}": permission denied\n`,
    })
    expect((await ran(session(cli.folder))).code).toBe(126)
    expect(sockets()).toEqual([])
  })
})

describe('signals', () => {
  const started = async (args: readonly string[]): Promise<RunningCli> => {
    const run = cli.start(args)
    await run.reported('ready')
    return run
  }
  const passedOn = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const

  it.each(passedOn)('%s is passed on once, and ends nothing by itself', async (signal) => {
    const run = await started(
      node(`
        const counts = {}
        for (const signal of ${JSON.stringify(passedOn)}) process.on(signal, () => (counts[signal] = (counts[signal] ?? 0) + 1))
        process.on('SIGWINCH', () => { console.log(JSON.stringify(counts)); process.exit(3) })
        console.log('ready', process.pid)
        setInterval(() => {}, 1000)
        setInterval(() => { if (counts[${JSON.stringify(signal)}]) console.log('had it') }, 50)`),
    )
    const pid = Number(/ready (\d+)/.exec(run.out())?.[1])
    run.child.kill(signal)
    await run.reported('had it')
    process.kill(pid, 'SIGWINCH')
    expect(await run.ended).toBe(3)
    expect(run.out()).toContain(JSON.stringify({ [signal]: 1 }))
    expect(run.err()).toBe('')
  })

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL', 'SIGABRT'] as const)(
    'a command that dies by %s ends it with 128 and the number',
    async (signal) => {
      const { code, err } = await ran(
        node(`process.kill(process.pid, '${signal}'); setInterval(() => {}, 1000)`),
      )
      expect([code, err]).toEqual([128 + constants.signals[signal], ''])
    },
  )

  it('a command that takes its time after SIGTERM is waited for, also after a second one', async () => {
    const run = await started(
      node(`
        let count = 0
        process.on('SIGTERM', () => { count += 1; console.log('had', count); if (count === 3) process.exit(5) })
        console.log('ready')
        setInterval(() => {}, 1000)`),
    )
    for (const count of [1, 2, 3]) {
      run.child.kill('SIGTERM')
      await run.reported(`had ${count}`)
    }
    expect(await run.ended).toBe(5)
  })
})

describe.skipIf(spawnSync('script', ['--version']).status !== 0)('on a terminal', () => {
  it('the command has the terminal, and Ctrl-C reaches it once', async () => {
    const code = `
      let count = 0
      process.on('SIGINT', () => { count += 1; console.log('had', count) })
      process.on('SIGTERM', () => { console.log('counted', count); process.exit(4) })
      console.log('ready', process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY, process.pid)
      setInterval(() => {}, 1000)`
    const words = [process.execPath, cli.main, ...node(code)].map(
      (word) => `'${word.replaceAll("'", `'\\''`)}'`,
    )
    const { PATH } = process.env
    const child = spawn('script', ['-qec', `exec ${words.join(' ')}`, '/dev/null'], {
      env: { PATH, HOME: cli.folder, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    await until(() => /ready .* \d+/.test(out))
    // one more of the same may be merged with it by the system, but not with each of these
    for (let count = 1; count <= 10; count += 1) {
      child.stdin.write('\u0003')
      await until(() => out.includes(`had ${count}`))
    }
    process.kill(Number(/ready .* (\d+)/.exec(out)?.[1]), 'SIGTERM')
    const [exitCode] = (await once(child, 'close')) as [number]
    expect(out).toContain('ready true true true')
    expect(out).toContain('counted 10\r')
    expect(exitCode).toBe(4)
  })
})

describe('what cannot be used is refused before the command runs, in one line', () => {
  const open = () => {
    const folder = join(cli.folder, 'open')
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o777)
    return folder
  }

  it('a directory that others can write to', async () => {
    const folder = open()
    const ended = await ran(['session', '--owner', 'a', '--', 'echo', 'ran'], { FLOTSAM_SESSIONS: folder })
    expect(ended).toMatchObject({ code: 2, out: '' })
    expect(ended.err).toMatch(/^error: FLOTSAM_SESSIONS: \S+ \(mode 0777\) is not allowed; [^\n]+\n$/)
  })

  it('a Redis server that does not answer; its password is not printed', async () => {
    const ended = await ran([
      'session',
      '--owner',
      'a',
      '--sessions',
      'redis://user:secret@127.0.0.1:1/0',
      '--',
      'echo',
      'ran',
    ])
    expect(ended).toMatchObject({ code: 1, out: '' })
    expect(ended.err).toMatch(
      /^error: cannot connect to redis:\/\/\*\*\*@127\.0\.0\.1:1\/0: [^\n]*ECONNREFUSED[^\n]*\n$/,
    )
  }, 20_000)
})
