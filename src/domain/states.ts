/** Podman states with another name in Docker. If Podman is killed, containers can stay in them permanently. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ['configured', 'created'],
  ['initialized', 'created'],
  ['stopping', 'running'],
  ['stopped', 'exited'],
])

/** The state that the policy must cover for this one. */
export function coveredAs(state: string): string {
  return otherWords.get(state) ?? state
}

/**
 * Returns the state that counts for a nomination by a listing. Engines before 28 list a container whose removal failed as
 * `removing` permanently, although its inspection shows `dead`.
 */
export function nominatedAs(listedState: string): string {
  return listedState === 'removing' ? 'dead' : coveredAs(listedState)
}

const lives: ReadonlyMap<string, string> = new Map([
  ['created', 'created'],
  ['running', 'active'],
  ['restarting', 'active'],
  ['paused', 'paused'],
  ['exited', 'ended'],
  ['dead', 'ended'],
  ['removing', 'ended'],
])

/** What a state means for the container's processes; listings and inspections use several names for the same state. */
export function lifeOf(state: string): string {
  return lives.get(coveredAs(state)) ?? state
}

/** Whether its processes are not running, so that a start would restart the creation grace. */
export function isAtRest(state: string): boolean {
  return lifeOf(state) !== 'active'
}
