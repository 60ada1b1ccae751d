import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { mutations, nameOf, partMutations, plant } from '../simulation/mutations.ts'

const soundFolder = join(import.meta.dirname, '../..')
const ruleBreach = /^ {2}(?:wrong removal|a lie): .*$/gm

/** The rules that can be switched off. */
export const rules = [...mutations, ...partMutations].map(nameOf)

/**
 * Runs the same chaos on a copy of the library with one rule switched off, as the simulation does. Gives the
 * removals and the words for which it was convicted.
 */
export async function runBroken(rule: string, args: readonly string[]): Promise<readonly string[]> {
  const mutation = [...mutations, ...partMutations].find((one) => nameOf(one) === rule)
  if (!mutation) throw new Error(`no rule ${rule}; there are: ${rules.join(', ')}`)
  const folder = `${soundFolder}-without-${rule}`
  plant(mutation, soundFolder, folder)
  try {
    const output = await outputOf(join(folder, 'test/chaos/chaos.js'), args)
    return output.match(ruleBreach) ?? []
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      process.stdout.write(text)
    })
    child.once('error', reject)
    child.once('close', () => resolve(output))
  })
}
