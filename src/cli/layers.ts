import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, type Option } from 'commander'
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import { messageOf, quoted } from './text.ts'
import { UsageError } from './usage.ts'

/** Where each setting in force was given, by its name: `--period`, `FLOTSAM_PERIOD` or `flotsam.yaml:3: period`. */
export type Sources = ReadonlyMap<string, string>

interface Given {
  readonly value: unknown
  readonly source: string
}

/** One place that settings come from, by their names. */
type Layer = ReadonlyMap<string, Given>

/** These say the same in three ways, so that a stronger layer's one replaces a weaker layer's other. */
const trackers: ReadonlySet<string> = new Set(['tracked', 'trackedUrl', 'nothingTracked'])
/** What is asked of one call alone is no setting. */
const notSettings: ReadonlySet<string> = new Set(['config', 'json', 'inspect', 'help', 'version'])

/** The options of a command that can also be set by the environment or a file. */
export function settingsOf(command: Command): readonly Option[] {
  return command.options.filter((option) => !notSettings.has(option.attributeName()))
}

/** Whether it is on or off, and takes no value. */
export function isSwitch(option: Option): boolean {
  return option.isBoolean() || option.negate
}

/** `creationGrace` → `FLOTSAM_CREATION_GRACE` */
export function environmentName(setting: string): string {
  return `FLOTSAM_${setting.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * Fills in what the command line left open: from the environment, else from the configuration file.
 *
 * @throws UsageError that names the variable, or the file, line and key
 */
export async function fillIn(
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Sources> {
  const settings = settingsOf(command)
  const named = command.opts<{ config?: string }>().config ?? (env['FLOTSAM_CONFIG'] || undefined)
  const layers = [
    flagLayer(command, settings),
    environmentLayer(settings, env),
    named === undefined ? new Map<string, Given>() : await fileLayer(named, settings),
  ]
  const isOnByDefault = (name: string) =>
    settings.some((option) => option.negate && option.attributeName() === name)
  const sources = new Map<string, string>()
  let isTrackerSaid = false
  for (const [rank, layer] of layers.entries()) {
    const said = [...layer].filter(([name, { value }]) => trackers.has(name) && value !== false)
    refuseContradiction(said.map(([, { source }]) => source))
    for (const [name, { value, source }] of layer) {
      if (sources.has(name) || (isTrackerSaid && trackers.has(name))) continue
      sources.set(name, source)
      if (rank > 0 && (value !== false || isOnByDefault(name)))
        command.setOptionValueWithSource(name, value, 'config')
    }
    isTrackerSaid ||= said.length > 0
  }
  return sources
}

/** Points at the place where a setting was given, in a message that names its flag. */
export function atItsSource(message: string, command: Command, sources: Sources): string {
  const option = settingsOf(command).find(
    ({ long }) => long && new RegExp(`^${long}(?![\\w-])`).test(message),
  )
  const source = option && sources.get(option.attributeName())
  return option?.long && source ? source + message.slice(option.long.length) : message
}

function flagLayer(command: Command, settings: readonly Option[]): Layer {
  const given = settings.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
  const opts = command.opts<Record<string, unknown>>()
  return new Map(
    given.map((option) => {
      const name = option.attributeName()
      return [name, { value: opts[name], source: option.long ?? name }]
    }),
  )
}

function environmentLayer(
  settings: readonly Option[],
  env: Readonly<Record<string, string | undefined>>,
): Layer {
  return new Map(
    settings.flatMap((option): [string, Given][] => {
      const name = option.attributeName()
      const source = environmentName(name)
      const text = env[source]
      if (text === undefined || text === '') return []
      return [
        [name, { value: isSwitch(option) ? readWord(text, source) : readText(option, text, source), source }],
      ]
    }),
  )
}

/** A map, since an object knows words that nobody gave a meaning, such as `constructor`. */
const words: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
])

function readWord(text: string, source: string): boolean {
  const value = words.get(text.toLowerCase())
  if (value === undefined)
    throw new UsageError(`${source}: ${quoted(text)} is not allowed; it must be true or false`)
  return value
}

/** Reads a value just as its flag would. */
function readText(option: Option, text: string, source: string): unknown {
  try {
    return option.parseArg ? option.parseArg(text, undefined) : text
  } catch (thrown) {
    if (thrown instanceof InvalidArgumentError) {
      throw new UsageError(
        `${source}: ${quoted(text)} is not allowed; it must be one of ${option.argChoices?.join(', ')}`,
      )
    }
    if (!(thrown instanceof UsageError)) throw thrown
    const flag = `${option.long ?? ''}: `
    throw new UsageError(
      thrown.message.startsWith(flag) ? `${source}: ${thrown.message.slice(flag.length)}` : thrown.message,
    )
  }
}

async function fileLayer(path: string, settings: readonly Option[]): Promise<Layer> {
  const lines = new LineCounter()
  const lineOf = (node: unknown) => lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0).line
  // JSON is YAML, so one reader does for both.
  const document = parseDocument(await readConfiguration(path), { lineCounter: lines, prettyErrors: false })
  const [fault] = document.errors
  if (fault) throw new UsageError(`${path}:${lines.linePos(fault.pos[0]).line}: ${messageOf(fault)}`)
  const { contents } = document
  if (contents === null) return new Map()
  if (!isMap(contents))
    throw new UsageError(`${path}:${lineOf(contents)}: it must hold settings, such as "period: 5m"`)
  const layer = new Map<string, Given>()
  for (const { key, value } of contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key)
    // Editors learn from it which schema to check the file with.
    if (name === '$schema') continue
    const place = `${path}:${lineOf(key)}`
    const option = settings.find((one) => one.attributeName() === name)
    if (!option) {
      const allowed = settings.map((one) => one.attributeName()).join(', ')
      throw new UsageError(`${place}: unknown key ${quoted(name)}; allowed: ${allowed}`)
    }
    layer.set(name, { value: readPlain(option, value, `${place}: ${name}`), source: `${place}: ${name}` })
  }
  return layer
}

function readPlain(option: Option, node: unknown, source: string): unknown {
  const plain: unknown = isScalar(node) ? node.value : undefined
  if (isSwitch(option)) {
    if (typeof plain === 'boolean') return plain
    throw new UsageError(`${source}: ${quoted(shown(node))} is not allowed; it must be true or false`)
  }
  if (typeof plain === 'string') return readText(option, plain, source)
  throw new UsageError(`${source}: ${shown(node)} is not allowed; it must be a text`)
}

function shown(node: unknown): string {
  return JSON.stringify(isNode(node) ? node.toJSON() : null)
}

async function readConfiguration(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    throw new UsageError(`--config: ${path} cannot be read: ${messageOf(thrown)}`)
  }
}

function refuseContradiction([one, other]: readonly string[]): void {
  if (other !== undefined)
    throw new UsageError(`${one} and ${other} cannot be given together; give one of them`)
}
