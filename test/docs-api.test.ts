import { describe, expect, test } from 'vitest'
import { eventNames } from '../src/index.ts'
import { blocks, read, section } from './support/pages.ts'

describe('docs/api/flotsam.md', () => {
  const page = 'docs/api/flotsam.md'

  test('spells no type out over more than 30 lines', () => {
    const longest = Math.max(...blocks(page, 'ts').map((code) => code.split('\n').length))
    expect(longest).toBeGreaterThan(3)
    expect(longest).toBeLessThanOrEqual(30)
  })

  test('shows the actor with the events that a host may send, and no other', () => {
    expect(section(page, 'SupervisorActor')).toMatch(/ActorRef<.*, SupervisorCommand>/)
    const types = [...read(page).matchAll(/type: "([\w.]+)"/g)].map(([, type]) => type)
    expect(new Set(types)).toEqual(new Set(['scan.requested', 'scan', 'stop']))
  })

  test('has a row for every event', () => {
    const after = read(page).split('### EventPayloads')[1]?.split('\n***')[0] ?? ''
    expect(eventNames.filter((name) => !after.includes(`\`${name}\` |`))).toEqual([])
  })
})
