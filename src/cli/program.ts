import { Command, CommanderError, type Option } from 'commander'
import { EngineError, FlotsamError, OptionError, TrackerTroubleError } from '../index.ts'
import { config } from './config.ts'
import { addDemo } from './demo.ts'
import { explain } from './explain.ts'
import { inspectOption } from './inspect.ts'
import { atItsSource, fillIn, type Sources } from './layers.ts'
import { addSharedOptions, type Flags } from './options.ts'
import { run } from './run.ts'
import { scan } from './scan.ts'
import { sweep } from './sweep.ts'
import { printable } from './text.ts'
import { inFlags, UsageError } from './usage.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode, exitWrongUsage } from './world.ts'

interface CommandOf {
  readonly name: string
  readonly description: string
  readonly argument?: readonly [name: string, description: string]
  /** Beside those that all commands share. */
  readonly option?: () => Option
  readonly act: (flags: Flags, world: CliWorld, asked: Asked) => ExitCode | Promise<ExitCode>
}

/** How a command was called. */
interface Asked {
  readonly command: Command
  readonly sources: Sources
}

const commands: readonly CommandOf[] = [
  {
    name: 'run',
    description:
      'keep reconciling until SIGINT or SIGTERM; logs on stdout, one JSON object a line when it is no terminal',
    option: inspectOption,
    act: run,
  },
  {
    name: 'scan',
    description: 'one look: every owned container with its verdict and reason; removes nothing',
    act: scan,
  },
  {
    name: 'sweep',
    description: 'one look; remove what dangles now, wait until that is settled, and exit',
    act: sweep,
  },
  {
    name: 'explain',
    argument: ['<container>', 'a full id, the start of one, or a name'],
    description: 'the verdict of one container, rule by rule; removes nothing',
    act: (flags, world, { command }) => explain(command.args[0] ?? '', flags, world),
  },
  {
    name: 'config',
    description: 'every setting in force, and where it was given; asks no engine',
    act: (_flags, world, { command, sources }) => config(command, sources, world),
  },
]

const about = 'Finds the Docker containers that an agent started and lost track of, and removes them safely.'

const epilogue = `
DURATION is written as in 90s, 5m or 1h30m. One of --tracked, --tracked-url and --nothing-tracked
is required by run and sweep; scan and sweep judge by the creation grace alone.

Each setting can also be given as an environment variable (--creation-grace: FLOTSAM_CREATION_GRACE)
or in a JSON or YAML file named by --config or FLOTSAM_CONFIG (creationGrace: 2m). Flags win over the
environment, and the environment over the file; flotsam config shows what is in force.

Exit codes: 0 done; 1 something failed; 2 wrong usage or configuration.`

const examples = `
Examples:
  flotsam scan  --owner com.example.agent=agent-7 --tracked /run/agent/containers
  flotsam sweep --owner com.example.agent=agent-7 --tracked /run/agent/containers --dry-run
  flotsam run   --owner com.example.agent=agent-7 --tracked-url http://127.0.0.1:8080/containers`

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
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // what it suggests comes on a second line of its own
      outputError: (text, write) => write(`${printable(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`),
    })
    .addHelpText('after', `${epilogue}\n${examples}`)
  for (const command of commands) addCommand(program, command, world, onEnd)
  addDemo(program, world, onEnd)
  return program
}

function addCommand(
  program: Command,
  asked: CommandOf,
  world: CliWorld,
  onEnd: (code: ExitCode) => void,
): void {
  const { name, argument, option, description, act } = asked
  const command = addSharedOptions(program.command(name).description(description)).addHelpText(
    'after',
    epilogue,
  )
  if (argument) command.argument(...argument)
  if (option) command.addOption(option())
  command.action(async () => {
    const sources = await fillIn(command, world.env)
    try {
      onEnd(await act(command.opts<Flags>(), world, { command, sources }))
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof OptionError)) throw error
      throw new UsageError(atItsSource(inWords(error), command, sources), { cause: error })
    }
  })
}

function inWords(error: UsageError | OptionError): string {
  return error instanceof OptionError ? inFlags(error) : error.message
}

function explainFailure(error: unknown, { stderr }: CliWorld): ExitCode {
  // commander has said it already
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitDone : exitWrongUsage
  const say = (message: string) => stderr.write(`error: ${printable(message)}\n`)
  if (error instanceof UsageError || error instanceof OptionError) {
    say(inWords(error))
    return exitWrongUsage
  }
  if (error instanceof EngineError || isInspectors(error)) say(error.message)
  else if (error instanceof TrackerTroubleError) say(`${flagOf(error)}: ${error.message}`)
  else stderr.write(`error: a fault inside: ${error instanceof Error ? error.stack : String(error)}\n`)
  return exitFailed
}

function flagOf({ reason }: TrackerTroubleError): string {
  return reason.startsWith('tracked-url') ? '--tracked-url' : '--tracked'
}

/** The class itself would load the inspector. */
function isInspectors(error: unknown): error is FlotsamError {
  return error instanceof FlotsamError && error.code === 'ERR_FLOTSAM_INSPECTOR'
}
