import { spawnSync } from 'node:child_process'

/**
 * Whether a command succeeds. Tests that need it are skipped where it does not, and fail with FLOTSAM_REQUIRE_TOOLS=1.
 */
export function hasTool(command: string, ...args: readonly string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'ignore' })
  if (status !== 0 && process.env['FLOTSAM_REQUIRE_TOOLS'] === '1') {
    throw new Error(`FLOTSAM_REQUIRE_TOOLS=1, but this failed: ${[command, ...args].join(' ')}`)
  }
  return status === 0
}
