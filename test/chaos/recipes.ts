import type { Random } from '../simulation/random.ts'
import type { Story } from './plan.ts'

/** How one container is made, and what its agent does about it. */
export interface Recipe {
  readonly cmd?: readonly string[]
  readonly restart?: 'always'
  readonly removesItself?: boolean
  /** When it is registered, as a share of the creation grace; never where it is left out. */
  readonly registersAt?: number
  /** Which answer of the engine's never comes to the agent. */
  readonly lost?: 'create' | 'start'
}

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
  'restarting-leak': () => ({ restart: 'always', cmd: ['sh', '-c', 'sleep 1; exit 1'] }),
} satisfies Partial<Record<Story, (random: Random) => Recipe>>

export type LoneStory = keyof typeof recipes

export function isLone(story: Story): story is LoneStory {
  return Object.hasOwn(recipes, story)
}

export function recipeOf(story: LoneStory, random: Random): Recipe {
  return recipes[story](random)
}

const fleeting: ReadonlySet<Story> = new Set([
  'short-task',
  'short-leak',
  'removes-itself',
  'restarting-leak',
])

/** Ends by itself, at any time. */
export function isFleeting(story: Story): boolean {
  return fleeting.has(story)
}
