import { randomBytes } from 'node:crypto'
import { messageOf, OptionError } from '../domain/errors.ts'
import type { Inspector } from '../inspector/index.ts'
import { type Account, readOwnedSet, type Summary } from './account.ts'
import { Agent } from './agent.ts'
import { Board } from './board.ts'
import { connectTo } from './connection.ts'
import { openEmbeddedStage } from './embedded-stage.ts'
import { Ledger } from './ledger.ts'
import { type Narrator, type Screen, silentNarrator } from './narrator.ts'
import { paceAt } from './pace.ts'
import { PlainNarrator } from './plain-narrator.ts'
import type { Stage } from './stage.ts'
import { Story } from './story.ts'
import { reportSummary } from './summary.ts'
import { TerminalNarrator } from './terminal-narrator.ts'
import { startWatch } from './watch.ts'

export interface DemoOptions {
  readonly screen: Screen
  /** Prints the summary as one JSON object and nothing else. Default `false`. */
  readonly json?: boolean
  /** How many times as fast as usual, 0.25 to 4. Default 1: about half a minute. */
  readonly speed?: number
  /** Interrupts the demo; what it made is removed all the same. */
  readonly signal?: AbortSignal
  /** Where the story is played. Default: an embedded engine. */
  readonly openStage?: () => Promise<Stage>
  /** Looks on, and has an address for the audience to look on as well. */
  readonly inspector?: Pick<Inspector, 'inspect' | 'url'>
}

const ownerLabel = 'flotsam.demo.agent'

/**
 * Plays and narrates the story. Resolves to the exit code: 0 when the account agrees with what the engine itself knows,
 * 1 when it does not, when something failed, and when the demo was interrupted.
 *
 * @throws OptionError when the place of the story cannot be what was asked for
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { screen, json = false, openStage = openEmbeddedStage } = options
  const signal = options.signal ?? new AbortController().signal
  let failure: unknown
  let summary: Summary | undefined
  let stage: Stage | undefined
  try {
    stage = await openStage()
    summary = await playOn(stage, options, signal)
  } catch (thrown) {
    failure = thrown
  }
  try {
    await stage?.close()
  } catch (thrown) {
    failure ??= thrown
  }
  if (failure instanceof OptionError) throw failure
  if (summary && failure === undefined) {
    screen.write(json ? `${JSON.stringify(summary)}\n` : reportSummary(summary, screen))
    return summary.ok ? 0 : 1
  }
  const error = signal.aborted ? 'interrupted; everything that it made is removed' : messageOf(failure)
  screen.write(
    json ? `${JSON.stringify({ ok: false, error })}\n` : `\nThe demo did not get to its end: ${error}\n`,
  )
  return 1
}

async function playOn(stage: Stage, options: DemoOptions, signal: AbortSignal): Promise<Summary> {
  const beganMs = performance.now()
  const elapsedMs = () => performance.now() - beganMs
  const pace = paceAt(options.speed ?? 1, signal)
  const narrator = narratorFor(options, elapsedMs, pace.markMs)
  try {
    const called = (name: string) =>
      name.startsWith(stage.namePrefix) ? name.slice(stage.namePrefix.length) : name
    const board = new Board(called)
    board.onChange((change) => narrator.changed(change))
    const ledger = new Ledger(elapsedMs, called, (line) => narrator.logged(line))
    // A unique value, so that nothing but this story is ever judged.
    const owner = { label: ownerLabel, value: randomBytes(8).toString('hex') }
    const labels = { [owner.label]: owner.value }
    const agent = new Agent(connectTo(stage.socketPath), stage, labels, pace.agentTimeoutMs)
    narrator.say(`Flotsam, an agent that forgets, and ${stage.title}.`)
    const story = new Story({
      stage,
      agent,
      board,
      narrator,
      pace,
      signal,
      elapsedMs,
      startWatch: (isRestart) =>
        startWatch({
          stage,
          owner,
          agent,
          inspect: (event) => {
            board.inspect(event)
            options.inspector?.inspect(event)
          },
          ledger,
          pace,
          isRestart,
        }),
      foreignLabels: { [owner.label]: 'another-agent' },
    })
    try {
      await story.play()
      // The last picture is of the end of the story, and not of Flotsam's own.
      narrator.close()
    } finally {
      await story.end()
    }
    const survivors = story.survivors(board.standings)
    return readOwnedSet(stage.title, accountOf(story, survivors, ledger, elapsedMs()), await stage.evidence())
  } finally {
    narrator.close()
  }
}

function accountOf(
  { leaks }: Story,
  survivors: Account['survivors'],
  ledger: Ledger,
  durationMs: number,
): Account {
  const { removals, outages } = ledger
  return { leaks, survivors, removals, outages, outageLines: ledger.outageLines(), durationMs }
}

function narratorFor(
  { screen, json, inspector }: DemoOptions,
  elapsedMs: () => number,
  markMs: number,
): Narrator {
  if (json === true) return silentNarrator
  return screen.isTerminal
    ? new TerminalNarrator({ screen, elapsedMs, markMs, address: inspector?.url })
    : new PlainNarrator(screen, elapsedMs)
}
