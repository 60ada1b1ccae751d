import { relative } from 'node:path'
import { cwd } from 'node:process'

const lives = new Set(['Survived', 'NoCoverage'])
const dies = new Set(['Killed', 'Timeout'])

/** The mutants, each identified by the code of its line, because line numbers change with every edit. */
export function readMutants(results, sources) {
  const odd = results.filter(({ status }) => status === 'Pending' || status === 'RuntimeError')
  if (odd.length > 0) throw new Error(`${odd.length} mutants could not be run: ${odd[0].statusReason}`)
  return results
    .filter(({ status }) => lives.has(status) || dies.has(status))
    .map(({ fileName, mutatorName, replacement, location, status }) => {
      const file = relative(cwd(), fileName)
      const code = originalOf(sources.get(file), location)
      return {
        file,
        line: location.start.line,
        mutator: mutatorName,
        ...code,
        becomes: oneLine(replacement),
        status,
      }
    })
}

/** The line in which a mutant starts, and the part that it replaces. Lines and columns count from one. */
function originalOf(lines, { start, end }) {
  const text = lines.slice(start.line - 1, end.line).join('\n')
  const cut = lines[end.line - 1].length - (end.column - 1)
  return {
    code: lines[start.line - 1].trim(),
    mutated: oneLine(text.slice(start.column - 1, text.length - cut)),
  }
}

const oneLine = (text) => text.replaceAll(/\s+/g, ' ')

export function surviving(mutants) {
  return mutants.filter(({ status }) => lives.has(status))
}

export function scoreOf(mutants) {
  return mutants.length === 0 ? 100 : (100 * (mutants.length - surviving(mutants).length)) / mutants.length
}

/** Survivors that are not listed, and listed ones that do not survive. */
export function judgeSurvivors(survivors, named) {
  const keyOf = ({ file, mutator, code, mutated, becomes }) =>
    JSON.stringify([file, mutator, code, mutated, becomes])
  const keysOfNamed = new Set(named.map(keyOf))
  const keysOfSurvivors = new Set(survivors.map(keyOf))
  return {
    unnamed: survivors.filter((mutant) => !keysOfNamed.has(keyOf(mutant))),
    stale: named.filter((name) => !keysOfSurvivors.has(keyOf(name))),
  }
}
