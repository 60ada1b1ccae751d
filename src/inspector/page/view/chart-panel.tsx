import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Chart } from '../chart/chart.tsx'
import { type Drawing, drawingOf } from '../chart/layouts.ts'
import { fitted, moved, type View, zoomed } from '../chart/view-box.ts'
import type { Actor } from '../model/actor.ts'
import type { Machine } from '../model/machine.ts'
import { rowOf } from '../model/rows.ts'
import { activePaths, changedLeaves, leafPaths } from '../model/state-value.ts'
import { triggerText } from '../model/transitions.ts'
import type { Store } from '../store.ts'
import { Ago } from './time.tsx'

/** The chart of one actor, with its active states and its last transition. */
export function ChartPanel({ store }: { readonly store: Store }) {
  const actor = store.shown.value
  const root = store.system.value?.root
  return (
    <section class="panel chart-panel" aria-label="Statechart">
      <div class="bar">
        <div class="segments" role="group" aria-label="Shown actor">
          {root && (
            <button
              type="button"
              aria-pressed={actor?.sessionId === root.sessionId}
              title="Back to the root actor (Esc)"
              onClick={() => store.choose(undefined)}
            >
              {root.name}
            </button>
          )}
          {actor && actor.sessionId !== root?.sessionId && (
            <button type="button" aria-pressed="true">
              {rowOf(actor).name}
            </button>
          )}
        </div>
        {actor && <Standing store={store} actor={actor} />}
      </div>
      {actor && <About actor={actor} />}
      {actor?.machine ? (
        <Canvas key={actor.machine.id} actor={actor} machine={actor.machine} />
      ) : (
        <p class="empty">
          {actor ? 'This actor is not a machine, so it has no chart.' : 'Nothing to show yet.'}
        </p>
      )}
    </section>
  )
}

function Standing({ store, actor }: { readonly store: Store; readonly actor: Actor }) {
  const { state, group } = rowOf(actor)
  return (
    <span class="standing">
      <i class="dot" data-group={group} aria-hidden="true" />
      <strong data-testid="shown-state">{state}</strong>
      <span class="quiet">
        for <Ago store={store} since={actor.enteredAt} />
      </span>
    </span>
  )
}

function About({ actor }: { readonly actor: Actor }) {
  const { container } = rowOf(actor)
  const { step } = actor
  return (
    <div class="about">
      {container && (
        <span>
          <span class="quiet">verdict</span> <strong>{container.verdict}</strong> {container.reason}
          {container.failures > 0 && (
            <span class="bad">
              {' '}
              · failed {container.failures === 1 ? 'once' : `${container.failures} times`}
              {container.failure && `: ${container.failure.message}`}
            </span>
          )}
        </span>
      )}
      {step && (
        <span class="step" data-testid="last-step">
          <span class="quiet">last</span> {stepText(step.before, step.after)}{' '}
          <span class="quiet">on {triggerText(step.event)}</span>
        </span>
      )}
    </div>
  )
}

function stepText(before: unknown, after: unknown): string {
  const from = changedLeaves(after, before).join(' · ')
  const to = (before === undefined ? leafPaths(after) : changedLeaves(before, after)).join(' · ')
  return from === '' ? to : `${from} → ${to}`
}

const none: ReadonlySet<string> = new Set()

function Canvas({ actor, machine }: { readonly actor: Actor; readonly machine: Machine }) {
  const room = useRef<HTMLDivElement>(null)
  const [drawing, setDrawing] = useState<Drawing>()
  const [problem, setProblem] = useState<string>()
  // undefined: fitted
  const [view, setView] = useState<View>()
  const [size, setSize] = useState({ width: 0, height: 0 })

  useLayoutEffect(() => {
    const element = room.current
    if (!element) return
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const hasRoom = size.width > 0
  useEffect(() => {
    const element = room.current
    if (!hasRoom || !element) return
    let isCurrent = true
    setProblem(undefined)
    drawingOf(machine, element.clientWidth / element.clientHeight).then(
      (made) => isCurrent && setDrawing(made),
      (error: unknown) => isCurrent && setProblem(String(error)),
    )
    return () => {
      isCurrent = false
    }
  }, [machine, hasRoom])

  const active = useMemo(() => new Set(activePaths(actor.snapshot.value)), [actor.snapshot.value])
  const taken = actor.step?.taken ?? none
  const seen = view ?? (drawing ? fitted(drawing.layout, size) : undefined)
  const change = (next: (current: View) => View) => seen && setView((current) => next(current ?? seen))
  const middle = { x: size.width / 2, y: size.height / 2 }
  const zoomBy = (factor: number) => change((current) => zoomed(current, factor, middle))
  const moveBy = (x: number, y: number) => change((current) => moved(current, { x, y }))

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const acts: Record<string, () => unknown> = {
      '+': () => zoomBy(1.25),
      '=': () => zoomBy(1.25),
      '-': () => zoomBy(0.8),
      '0': () => setView(undefined),
      ArrowLeft: () => moveBy(40, 0),
      ArrowRight: () => moveBy(-40, 0),
      ArrowUp: () => moveBy(0, 40),
      ArrowDown: () => moveBy(0, -40),
    }
    const act = acts[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }

  return (
    <div class="canvas-frame">
      <div
        ref={room}
        class="canvas"
        tabIndex={0}
        role="img"
        aria-label={`Statechart of ${machine.id}: ${actor.state || actor.snapshot.status}`}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => drag(event, moveBy)}
        onWheel={(event) => {
          event.preventDefault()
          const frame = event.currentTarget.getBoundingClientRect()
          const at = { x: event.clientX - frame.left, y: event.clientY - frame.top }
          change((current) => zoomed(current, Math.exp(-event.deltaY / 400), at))
        }}
      >
        {problem !== undefined && <p class="empty">The chart cannot be laid out: {problem}</p>}
        <svg width={size.width} height={size.height} data-ready={drawing !== undefined}>
          <ArrowHeads />
          {drawing && seen && (
            <g transform={`translate(${seen.x} ${seen.y}) scale(${seen.scale})`}>
              <Chart machine={machine} drawing={drawing} active={active} taken={taken} />
            </g>
          )}
        </svg>
      </div>
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomBy(1.25)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => zoomBy(0.8)}>
          −
        </button>
        <button type="button" title="Fit (0)" onClick={() => setView(undefined)}>
          Fit
        </button>
      </div>
    </div>
  )
}

/** Moves the drawing with the pointer until it is released. */
function drag(start: PointerEvent & { currentTarget: HTMLElement }, moveBy: (x: number, y: number) => void) {
  if (start.button !== 0) return
  const element = start.currentTarget
  let { clientX, clientY } = start
  element.setPointerCapture(start.pointerId)
  const onMove = (event: PointerEvent) => {
    moveBy(event.clientX - clientX, event.clientY - clientY)
    clientX = event.clientX
    clientY = event.clientY
  }
  const onEnd = () => {
    element.removeEventListener('pointermove', onMove)
    element.removeEventListener('pointerup', onEnd)
    element.removeEventListener('pointercancel', onEnd)
  }
  element.addEventListener('pointermove', onMove)
  element.addEventListener('pointerup', onEnd)
  element.addEventListener('pointercancel', onEnd)
}

function ArrowHeads() {
  return (
    <defs>
      {['head', 'head-taken'].map((id) => (
        <marker
          key={id}
          id={id}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0L8 4L0 8Z" />
        </marker>
      ))}
    </defs>
  )
}
