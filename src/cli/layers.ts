import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import { show } from '../domain/show.ts'
import { type Setting, settings } from '../options/command-settings.ts'
import { nearestTo } from '../options/nearest.ts'
import { Refusal } from '../options/refusal.ts'
import type { Given, GivenSettings } from './given.ts'
import { sessionVariables } from './session/variables.ts'
import { messageWithCause } from './text.ts'
import { refusal, UsageError } from './usage.ts'

/** These say the same in three ways, so that a stronger layer's one replaces a weaker layer's other. */
const trackers: ReadonlySet<string> = new Set(['tracked', 'trackedUrl', 'nothingTracked'])

type Environment = Readonly<Record<string, string | undefined>>

const configVariable = 'FLOTSAM_CONFIG'

/** Every variable that a command reads, or that `flotsam session` sets. */
export const environmentNames = [
  configVariable,
  ...settings.map(({ variable }) => variable),
  ...sessionVariables,
]

/** The configuration file that was named, if any. */
export function configFileOf(command: Command, env: Environment): string | undefined {
  return command.opts<{ readonly config?: string }>().config ?? env[configVariable]
}

/**
 * What the command line gives, else the environment, else the configuration file. Each is checked, also where a stronger
 * one replaces it.
 *
 * @throws UsageError that names the flag, the variable, or the file, line and key
 */
export async function gather(command: Command, env: Environment): Promise<GivenSettings> {
  const namedBy =
    command.opts<{ readonly config?: string }>().config === undefined ? configVariable : '--config'
  const file = await fileLayer(configFileOf(command, env), namedBy)
  const layers = [flagLayer(command), environmentLayer(env), file]
  const all = new Map<string, Given>()
  let isTrackerGiven = false
  for (const layer of layers) {
    const ofTrackers = layer.filter(({ setting, value }) => trackers.has(setting.name) && value !== false)
    refuseContradiction(ofTrackers.map(({ source }) => source))
    for (const given of layer) {
      const { name } = given.setting
      if (!all.has(name) && !(isTrackerGiven && trackers.has(name))) all.set(name, given)
    }
    isTrackerGiven ||= ofTrackers.length > 0
  }
  return all
}

function flagLayer(command: Command): readonly Given[] {
  return settings
    .filter(({ key }) => command.getOptionValueSource(key) === 'cli')
    .map((setting) => given(setting, command.getOptionValue(setting.key), setting.flag))
}

function environmentLayer(env: Environment): readonly Given[] {
  return settings
    .filter(({ variable }) => env[variable] !== undefined)
    .map((setting) => given(setting, env[setting.variable], setting.variable))
}

async function fileLayer(path: string | undefined, namedBy: string): Promise<readonly Given[]> {
  if (path === undefined) return []
  if (path === '') throw refusal(namedBy, show(path), 'it must name a file')
  const layer = readFileLayer(path, await textOf(path, namedBy))
  if (layer.length === 0) throw new UsageError(`${namedBy}: ${path} contains no settings`)
  return layer
}

function textOf(path: string, namedBy: string): Promise<string> {
  return readFile(path, 'utf8').catch((thrown: unknown) => {
    throw new UsageError(`${namedBy}: ${path} cannot be read: ${messageWithCause(thrown)}`)
  })
}

/** JSON is YAML, so one reader does for both. */
function readFileLayer(path: string, text: string): readonly Given[] {
  const lines = new LineCounter()
  const placeOf = (node: unknown) =>
    `${path}:${lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0).line}`
  const { contents, errors } = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [fault] = errors
  if (fault) throw new UsageError(`${path}:${lines.linePos(fault.pos[0]).line}: ${messageWithCause(fault)}`)
  if (contents === null || (isScalar(contents) && contents.value === null)) return []
  if (!isMap(contents))
    throw new UsageError(`${placeOf(contents)}: it must contain settings, such as "period: 5m"`)
  return contents.items
    .map(({ key, value }) => ({ name: String(isScalar(key) ? key.value : key), place: placeOf(key), value }))
    .filter(({ name }) => name !== schemaKey)
    .map(({ name, place, value }) => {
      const plain: unknown = isNode(value) ? value.toJSON() : null
      return given(settingNamed(name, place), plain, place, `${place}: ${name}`)
    })
}

/** Editors learn from it which schema to check the file with. */
const schemaKey = '$schema'

function settingNamed(name: string, place: string): Setting {
  const setting = settings.find(({ key }) => key === name)
  if (setting) return setting
  const nearest = nearestTo(
    name,
    settings.map(({ key }) => key),
  )
  throw new UsageError(`${place}: unknown key ${show(name)} (Did you mean ${nearest}?)`)
}

function given(setting: Setting, raw: unknown, place: string, source?: string): Given {
  const { kind } = setting
  const value = source === undefined && typeof raw === 'string' ? kind.parse(raw) : kind.readPlain(raw)
  const where = source ?? place
  if (value instanceof Refusal) throw refusal(where, value.shown ?? show(raw), value.requirement)
  return { setting, value, raw, place, source: where }
}

function refuseContradiction([one, other]: readonly string[]): void {
  if (other !== undefined) {
    throw new UsageError(`${one} and ${other} cannot be given together; give one of them`)
  }
}
