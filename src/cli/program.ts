import { Command, CommanderError, Option } from 'commander'
import { printable } from '../domain/show.ts'
import { ArgumentError, EngineError, FlotsamError, OptionError, TrackerError } from '../index.ts'
import { config } from './config.ts'
import { addDemo } from './demo/command.ts'
import { refuseUnknownVariables } from './environment.ts'
import { explain } from './explain.ts'
import { addSharedOptions, type Flags, refuseRepeated } from './flags.ts'
import { type GivenSettings } from './given.ts'
import { inspectOption } from './inspect.ts'
import { configFileOf, environmentNames, gather } from './layers.ts'
import { FileError } from './own-file.ts'
import { addReplay } from './replay.ts'
import { type ReadAgain, run } from './run.ts'
import { scan } from './scan.ts'
import { sessions } from './session/list.ts'
import { sessionName } from './session/name.ts'
import { session } from './session/session.ts'
import { refuseMistakenSession } from './session/variables.ts'
import { sweep } from './sweep.ts'
import { addTrack } from './track/command.ts'
import { atItsSource, refuseContradictions, UsageError } from './usage.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode, exitWrongUsage } from './world.ts'

interface CommandOf {
  readonly name: string
  readonly description: string
  readonly argument?: readonly [name: string, description: string]
  /** Its arguments are a command with options of its own. */
  readonly runsCommand?: true
  /** Beside those that all commands share. */
  readonly option?: () => Option
  /** It only shows the options, and needs no owner. */
  readonly isOffline?: true
  /** Without `--sessions` it uses the default directory. */
  readonly hasStore?: true
  readonly act: (flags: Flags, world: CliWorld, asked: Asked) => ExitCode | Promise<ExitCode>
}

/** How a command was called. */
interface Asked {
  readonly command: Command
  readonly given: GivenSettings
  /** Undefined where no file was given. */
  readonly readAgain: ReadAgain
}

const commands: readonly CommandOf[] = [
  {
    name: 'run',
    description:
      'keep reconciling until SIGINT or SIGTERM; log to stdout, one JSON object per line unless it is a terminal; SIGHUP reloads the file of --config',
    option: inspectOption,
    act: (flags, world, { given, readAgain }) => run({ flags, given }, world, readAgain),
  },
  {
    name: 'scan',
    description: 'scan once and print every owned container with its verdict and reason; remove nothing',
    act: scan,
  },
  {
    name: 'sweep',
    description: 'scan once, remove what is dangling, wait until that is settled, and exit',
    act: sweep,
  },
  {
    name: 'explain',
    argument: ['<container>', 'a full id, an id prefix, or a name'],
    description: 'explain the verdict of one container, rule by rule; remove nothing',
    act: (flags, world, { command }) => explain(command.args[0] ?? '', flags, world),
  },
  {
    name: sessionName,
    argument: ['<command...>', 'the command and its arguments, after --'],
    runsCommand: true,
    hasStore: true,
    description:
      'hold a session while a command runs, and end with its exit code; the command has FLOTSAM_SESSION (the id) and FLOTSAM_LABEL (KEY=ID, for docker run --label) in its environment',
    option: () =>
      new Option(
        '--sweep',
        "also remove what ended sessions have left, and this session's containers when the command has ended",
      ),
    act: (flags, world, { command }) => session(command.args, flags, world),
  },
  {
    name: 'sessions',
    hasStore: true,
    description: 'print every session with its state (alive, ended or unknown) and its containers',
    act: sessions,
  },
  {
    name: 'config',
    description: 'print every effective setting and its source; contact no engine',
    isOffline: true,
    act: ({ json }, world, { given }) => config(json === true, given, world),
  },
]

const about = 'Finds the Docker containers that an agent started and lost track of, and removes them safely.'

const epilogue = `
DURATION is written as in 90s, 5m or 1h30m. One of --tracked, --tracked-url, --nothing-tracked and
--sessions is required by run and sweep. scan and sweep judge by the creation grace alone, and with
sessions a sweep waits for the session grace.

Each setting can also be given as an environment variable (--creation-grace: FLOTSAM_CREATION_GRACE)
or in a JSON or YAML file named by --config or FLOTSAM_CONFIG (creationGrace: 2m). Flags win over the
environment, and the environment over the file; flotsam config shows what is in force. An unknown
FLOTSAM_ variable is refused.

Exit codes: 0 done; 1 something failed; 2 wrong usage or configuration; of session, also those of its
command.`

const examples = `
Examples:
  flotsam scan  --owner com.example.agent=agent-7 --tracked /run/agent/containers
  flotsam sweep --owner com.example.agent=agent-7 --tracked /run/agent/containers --dry-run
  flotsam run   --owner com.example.agent=agent-7 --tracked-url http://127.0.0.1:8080/containers
  flotsam session --owner com.example.agent --sweep -- ./run-tests.sh`

/** Carries out one command line. Never throws, and never ends the process. */
export async function runCli(args: readonly string[], world: CliWorld): Promise<ExitCode> {
  let code: ExitCode = exitDone
  const program = describeProgram(world, (ended) => (code = ended))
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    return explainFailure(error, world)
  }
}

function describeProgram(world: CliWorld, onEnd: (code: ExitCode) => void): Command {
  const { stdout, stderr } = world
  const program = new Command('flotsam')
    .description(about)
    .version(world.version)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // what it suggests comes on a second line of its own
      outputError: (text, write) => write(`${printable(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`),
    })
    .addHelpText('after', `${epilogue}\n${examples}`)
  for (const command of commands) addCommand(program, command, world, onEnd)
  addDemo(program, world, onEnd)
  addTrack(program, world, onEnd)
  addReplay(program, world, onEnd)
  for (const command of program.commands) refuseRepeated(command)
  const hasCase = process.platform !== 'win32'
  program.hook('preAction', () => {
    refuseUnknownVariables(world.env, environmentNames, hasCase)
    refuseMistakenSession(world.env)
  })
  return program
}

function addCommand(
  program: Command,
  asked: CommandOf,
  world: CliWorld,
  onEnd: (code: ExitCode) => void,
): void {
  const { name, argument, option, description, isOffline, hasStore, runsCommand, act } = asked
  const command = addSharedOptions(program.command(name).description(description)).addHelpText(
    'after',
    epilogue,
  )
  if (argument) command.argument(...argument)
  if (option) command.addOption(option())
  if (runsCommand) command.passThroughOptions()
  command.action(async () => {
    const read = async () => {
      const given = await gather(command, world.env)
      if (!isOffline) refuseContradictions(given, hasStore ?? given.has('sessions'))
      return { flags: flagsOf(command, given), given }
    }
    const { flags, given } = await read()
    const readAgain = configFileOf(command, world.env) === undefined ? undefined : read
    try {
      onEnd(await act(flags, world, { command, given, readAgain }))
    } catch (error) {
      throw error instanceof OptionError ? atItsSource(error, given) : error
    }
  })
}

function flagsOf(command: Command, given: GivenSettings): Flags {
  const { json, inspect: port, sweep } = command.opts<Flags>()
  const values = Object.fromEntries([...given].map(([name, { value }]) => [name, value]))
  return {
    ...values,
    ...(json && { json }),
    ...(port !== undefined && { inspect: port }),
    ...(sweep && { sweep }),
  }
}

function explainFailure(error: unknown, { stderr }: CliWorld): ExitCode {
  // commander has said it already
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitDone : exitWrongUsage
  const say = (message: string) => stderr.write(`error: ${printable(message)}\n`)
  const wrongUsage = error instanceof OptionError ? atItsSource(error) : error
  if (wrongUsage instanceof UsageError || wrongUsage instanceof ArgumentError) {
    say(wrongUsage.message)
    return exitWrongUsage
  }
  if (error instanceof EngineError || error instanceof FileError || isOfPart(error)) say(error.message)
  else if (error instanceof TrackerError) say(`${flagOf(error)}: ${error.message}`)
  else stderr.write(`error: internal error: ${error instanceof Error ? error.stack : String(error)}\n`)
  return exitFailed
}

function flagOf({ reason }: TrackerError): string {
  return reason.startsWith('tracked-url') ? '--tracked-url' : '--tracked'
}

/** The inspector's class would load the inspector. */
function isOfPart(error: unknown): error is FlotsamError {
  const codes = ['ERR_FLOTSAM_INSPECTOR', 'ERR_FLOTSAM_SESSION']
  return error instanceof FlotsamError && codes.includes(error.code)
}
