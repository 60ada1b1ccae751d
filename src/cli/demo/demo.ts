import { randomBytes } from 'node:crypto'
import { messageOf, OptionError } from '../../domain/errors.ts'
import type { Inspector } from '../../inspector/index.ts'
import { type Account, summarize, type Summary } from './account.ts'
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
  /** The factor of the speed, 0.25 to 4. Default 1: about half a minute. */
  readonly speed?: number
  /** Interrupts the demo. What it created is removed nevertheless. */
  readonly signal?: AbortSignal
  /** Opens the engine of the demo. Default: an embedded engine. */
  readonly openStage?: () => Promise<Stage>
  /** Receives the inspection events. Its address is shown. */
  readonly inspector?: Pick<Inspector, 'inspect' | 'url'>
}

const ownerLabel = 'flotsam.demo.agent'

/**
 * Runs and narrates the story. Resolves to the exit code: 0 if the account agrees with the engine's own evidence, 1 if
 * it does not, if something failed, or if the demo was interrupted.
 *
 * @throws OptionError for an engine or an image that cannot be used
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
  const error = signal.aborted ? 'interrupted; everything that it created is removed' : messageOf(failure)
  screen.write(json ? `${JSON.stringify({ ok: false, error })}\n` : `\nThe demo failed: ${error}\n`)
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
    // A unique value, so that only containers of this run are judged.
    const owner = { label: ownerLabel, value: randomBytes(8).toString('hex') }
    const labels = { [owner.label]: owner.value }
    const agent = new Agent(connectTo(stage.socketPath), stage, labels, pace.agentTimeoutMs)
    narrator.say(`This demo runs Flotsam, an agent that loses track of containers, and ${stage.title}.`)
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
      // Closed before Flotsam stops, so that the last frame shows the end of the story.
      narrator.close()
    } finally {
      await story.end()
    }
    const survivors = story.survivors(board.standings)
    return summarize(stage.title, accountOf(story, survivors, ledger, elapsedMs()), await stage.evidence())
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
