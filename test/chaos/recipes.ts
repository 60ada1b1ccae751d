import type { Random } from '../simulation/random.ts'
import type { Story } from './plan.ts'

/** How one container is made, and what its agent does about it. */
export interface Recipe {
  readonly cmd?: readonly string[]
  readonly restart?: 'always' | 'unless-stopped' | 'on-failure'
  readonly removesItself?: boolean
  /** It is left as it was created. */
  readonly isLeftUnstarted?: boolean
  /** When it is registered, as a share of the creation grace; never where it is left out. */
  readonly registersAt?: number
  /** Which answer of the engine's never comes to the agent. */
  readonly lost?: 'create' | 'start'
}

/** Podman starts it again at once, which costs it a second of a core each time. */
const endsBadly = ['sh', '-c', 'sleep 3; exit 1']

/** The stories of one container of the agent's own. */
const recipes = {
  task: () => ({ registersAt: 0 }),
  'late-task': (random) => ({ registersAt: 0.1 + 0.5 * random.next() }),
  'lost-create': () => ({ lost: 'create' }),
  'lost-start': () => ({ lost: 'start' }),
  forgotten: () => ({}),
  'short-leak': (random) => ({ cmd: ['sleep', String(random.between(1, 5))] }),
  'short-task': () => ({ registersAt: 0, cmd: ['sleep', '3'] }),
  'removes-itself': (random) => ({
    registersAt: random.chance(0.5) ? 0 : 0.4,
    removesItself: true,
    cmd: ['sleep', '2'],
  }),
  'restarting-leak': () => ({ restart: 'always', cmd: endsBadly }),
  'restarting-task': () => ({ registersAt: 0, restart: 'on-failure', cmd: endsBadly }),
  'always-leak': () => ({ restart: 'always' }),
  'always-task': () => ({ registersAt: 0, restart: 'unless-stopped' }),
} satisfies Partial<Record<Story, (random: Random) => Recipe>>

export type LoneStory = keyof typeof recipes

export function isLone(story: Story): story is LoneStory {
  return Object.hasOwn(recipes, story)
}

export function recipeOf(story: LoneStory, random: Random): Recipe {
  return recipes[story](random)
}

/** Ends after a second, and lasts when it is started again. */
export const endsOnce = ['sh', '-c', 'test -e /ran && exec sleep 86400; touch /ran; sleep 1']

const fleeting: ReadonlySet<Story> = new Set([
  'short-task',
  'short-leak',
  'removes-itself',
  'restarting-leak',
  'restarting-task',
])

/** Ends by itself, at any time. */
export function isFleeting(story: Story): boolean {
  return fleeting.has(story)
}
