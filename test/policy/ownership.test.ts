import { describe, expect, test } from 'vitest'
import type { OwnerLabel } from '../../src/options/owner-label.ts'
import { labelsToKeep, ownedByLabel, ownedByNomad, type Ownership } from '../../src/policy/ownership.ts'
import { summary } from '../support/summary.ts'

const byValue = ownedByLabel({ label: 'com.example.agent', value: 'agent-7' })
const byAnyValue = ownedByLabel({ label: 'com.example.agent', anyValue: true })

/** As the listing's reader makes them, and as JSON does: `__proto__` is a key like any other. */
const labelsFrom = (json: string) => JSON.parse(json) as Record<string, string>

describe('owned-only: the label and its value match exactly, or the container is foreign', () => {
  test.each<[string, Record<string, string>, boolean, boolean]>([
    ['the same value', { 'com.example.agent': 'agent-7' }, true, true],
    ['a longer value', { 'com.example.agent': 'agent-70' }, false, true],
    ['a shorter value', { 'com.example.agent': 'agent-' }, false, true],
    ['other letters', { 'com.example.agent': 'Agent-7' }, false, true],
    ['a trailing space', { 'com.example.agent': 'agent-7 ' }, false, true],
    ['an empty value', { 'com.example.agent': '' }, false, true],
    ['another label', { 'com.example.agents': 'agent-7' }, false, false],
    ['the label in other letters', { 'com.example.Agent': 'agent-7' }, false, false],
    ['no label at all', {}, false, false],
  ])('%s', (_, labels, isOwned, isOwnedWithAnyValue) => {
    expect(byValue.owns(summary({ labels }))).toBe(isOwned)
    expect(byAnyValue.owns(summary({ labels }))).toBe(isOwnedWithAnyValue)
  })

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    'a label named %s is absent unless it is set',
    (label) => {
      const ownership = ownedByLabel({ label, anyValue: true })
      expect(ownership.owns(summary({ labels: {} }))).toBe(false)
      expect(ownership.owns(summary({ labels: Object.create(null) as Record<string, string> }))).toBe(false)
      expect(ownership.owns(summary({ labels: labelsFrom(`{"${label}": "x"}`) }))).toBe(true)
    },
  )

  test('labels() really sets a label named __proto__', () => {
    const { labels } = ownedByLabel({ label: '__proto__', value: 'x' })
    expect(Object.entries(labels ?? {})).toEqual([['__proto__', 'x']])
  })

  test('the labels that it gives make a container owned', () => {
    expect(byValue.labels).toEqual({ 'com.example.agent': 'agent-7' })
    expect(byValue.owns(summary({ labels: { ...byValue.labels } }))).toBe(true)
    expect(byAnyValue.labels).toBeUndefined()
  })

  test('the filter for the engine says the same', () => {
    expect(byValue.filter).toBe('com.example.agent=agent-7')
    expect(byAnyValue.filter).toBe('com.example.agent')
  })
})

describe('own-label: a label that came with the image', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['the same label and value', { 'com.example.agent': 'agent-7' }, true],
    [
      'the same label with another value, which the container replaced',
      { 'com.example.agent': 'agent-8' },
      false,
    ],
    ['another label', { other: 'agent-7' }, false],
    ['no labels', {}, false],
  ])('%s', (_, imageLabels, isFromImage) => {
    const container = summary({ labels: { 'com.example.agent': 'agent-7' } })
    expect(byValue.cameWithImage(container, imageLabels)).toBe(isFromImage)
    expect(byAnyValue.cameWithImage(container, imageLabels)).toBe(isFromImage)
  })

  test.each(['__proto__', 'constructor'])('an image without labels has no %s', (label) => {
    const container = summary({ labels: labelsFrom(`{"${label}": "x"}`) })
    const ownership = ownedByLabel({ label, value: 'x' })
    expect(ownership.cameWithImage(container, {})).toBe(false)
    expect(ownership.cameWithImage(container, labelsFrom(`{"${label}": "x"}`))).toBe(true)
  })
})

describe('own-label: a label that names the image of its container proves that it is the container’s own', () => {
  const [mine, other] = ['1a'.repeat(32), '2b'.repeat(32)]
  const digest = `sha256:${mine}`
  const key = 'com.example.agent.image'

  test.each<[string, Record<string, string>, string, boolean]>([
    ['the id of its image', { [key]: digest }, digest, true],
    ['the id without its algorithm, as the podman command prints it', { [key]: mine }, digest, true],
    ['and as an engine may list it', { [key]: digest }, mine, true],
    ['the id of another image, as a snapshot copies it', { [key]: `sha256:${other}` }, digest, false],
    ['no such label', {}, digest, false],
    ['an empty one', { [key]: '' }, digest, false],
    ['an empty one, of a container without an image', { [key]: '' }, '', false],
    ['a short id', { [key]: `sha256:${mine.slice(0, 12)}` }, digest, false],
    ['a short id on both sides', { [key]: 'sha256:1a1a' }, 'sha256:1a1a', false],
    ['the name of its image on both sides', { [key]: 'busybox' }, 'busybox', false],
    ['the algorithm alone on both sides', { [key]: 'sha256:' }, 'sha256:', false],
    ['other letters', { [key]: digest.toUpperCase() }, digest, false],
    ['a line break after it', { [key]: `${digest}\n` }, digest, false],
    ['the label of another owner', { 'com.example.other.image': digest }, digest, false],
  ])('%s', (_, more, imageId, isProven) => {
    const container = summary({ labels: { 'com.example.agent': 'agent-7', ...more }, imageId })
    expect(byValue.isProven(container)).toBe(isProven)
    expect(byAnyValue.isProven(container)).toBe(isProven)
  })

  test('what labels() gives for an image proves containers of that image, and of no other', () => {
    const labels = { ...byValue.labels, ...byValue.proofFor(digest) }
    expect(labels).toEqual({ 'com.example.agent': 'agent-7', [key]: digest })
    expect(byValue.isProven(summary({ labels, imageId: digest }))).toBe(true)
    expect(byValue.isProven(summary({ labels, imageId: `sha256:${other}` }))).toBe(false)
  })

  test('a label named __proto__ has its own proof', () => {
    const ownership = ownedByLabel({ label: '__proto__', value: 'x' })
    const container = {
      labels: labelsFrom(`{"__proto__": "x", "__proto__.image": "${digest}"}`),
      imageId: digest,
    }
    expect(ownership.isProven(summary(container))).toBe(true)
  })

  test('Nomad sets no such label, so none is believed', () => {
    const labels = {
      [allocation]: uuid,
      [`${allocation}.image`]: digest,
      client: 'one',
      'client.image': digest,
    }
    for (const nomad of [ownedByNomad(), ownedByNomad({ label: 'client', value: 'one' })])
      expect(nomad.isProven(summary({ labels, imageId: digest }))).toBe(false)
  })
})

const uuid = '7f2a9b1c-0d3e-4f5a-8b6c-9d0e1f2a3b4c'
const allocation = 'com.hashicorp.nomad.alloc_id'
const mountTargets = ['/alloc', '/local', '/secrets']

describe("Nomad's label", () => {
  const nomad = ownedByNomad()

  test.each<[string, Record<string, string>, boolean]>([
    ['with an allocation', { [allocation]: uuid }, true],
    ['with whatever value', { [allocation]: '' }, true],
    ['with another label of Nomad', { 'com.hashicorp.nomad.job_id': uuid }, false],
    ['without', {}, false],
  ])('%s', (_, labels, isOwned) => {
    expect(nomad.owns(summary({ labels }))).toBe(isOwned)
  })

  test('has no single label to filter by, and none to set', () => {
    expect(nomad.filter).toBeUndefined()
    expect([nomad.labels, nomad.proofFor('sha256:busybox')]).toEqual([undefined, {}])
  })

  test('that came with the image makes no container ours', () => {
    const container = summary({ labels: { [allocation]: uuid } })
    expect(nomad.cameWithImage(container, { [allocation]: uuid })).toBe(true)
    expect(nomad.cameWithImage(container, {})).toBe(false)
  })
})

describe("Nomad's older pattern: the three mounts, and a name that ends in the allocation's UUID", () => {
  const nomad = ownedByNomad()
  const old = { labels: {}, mountTargets, name: `redis-${uuid}` }

  test('all of it is owned', () => {
    expect(nomad.owns(summary(old))).toBe(true)
    expect(nomad.owns(summary({ ...old, mountTargets: ['/data', ...mountTargets, '/etc/x'] }))).toBe(true)
  })

  test.each(mountTargets)('without the mount %s it is foreign', (missing) => {
    const others = mountTargets.filter((target) => target !== missing)
    expect(nomad.owns(summary({ ...old, mountTargets: others }))).toBe(false)
    expect(nomad.owns(summary({ ...old, mountTargets: [...others, `${missing}/x`, `/x${missing}`] }))).toBe(
      false,
    )
  })

  test.each([
    ['no UUID', 'redis'],
    ['a UUID alone, without a task', uuid],
    ['a UUID in the middle', `redis-${uuid}-1`],
    ['a UUID that is too short', `redis-${uuid.slice(0, -1)}`],
    ['a UUID that is too long', `redis-${uuid}0`],
    ['a UUID of capitals, which Nomad never writes', `redis-${uuid.toUpperCase()}`],
    ['a UUID without dashes', `redis-${uuid.replaceAll('-', '')}`],
    ['an invalid digit', `redis-${uuid.replace('7f', '7g')}`],
    ['a trailing line break', `redis-${uuid}\n`],
    ['no name', ''],
  ])('a name with %s is foreign', (_, name) => {
    expect(nomad.owns(summary({ ...old, name }))).toBe(false)
  })

  test('any of its names suffices', () => {
    expect(nomad.owns(summary({ ...old, names: ['alias', `redis-${uuid}`] }))).toBe(true)
    expect(nomad.owns(summary({ ...old, names: [] }))).toBe(false)
  })

  test('an image without the label gave it nothing, one with the label something else', () => {
    expect(nomad.cameWithImage(summary(old), {})).toBe(false)
    expect(nomad.cameWithImage(summary(old), { [allocation]: uuid })).toBe(false)
  })
})

describe('Nomad narrowed to one client', () => {
  const client: OwnerLabel = { label: 'client', value: 'one' }
  const nomad = ownedByNomad(client)

  test.each<[string, Parameters<typeof summary>[0], boolean]>([
    ['both labels', { labels: { [allocation]: uuid, client: 'one' } }, true],
    ['the allocation alone', { labels: { [allocation]: uuid } }, false],
    ['another client', { labels: { [allocation]: uuid, client: 'two' } }, false],
    ['the client alone', { labels: { client: 'one' } }, false],
    [
      'the older pattern and the client',
      { labels: { client: 'one' }, mountTargets, name: `redis-${uuid}` },
      true,
    ],
    ['the older pattern alone', { labels: {}, mountTargets, name: `redis-${uuid}` }, false],
  ])('%s', (_, container, isOwned) => {
    expect(nomad.owns(summary(container))).toBe(isOwned)
  })

  test('own-label: either label from the image is enough to spare', () => {
    const container = summary({ labels: { [allocation]: uuid, client: 'one' } })
    expect(nomad.cameWithImage(container, { [allocation]: uuid })).toBe(true)
    expect(nomad.cameWithImage(container, { client: 'one' })).toBe(true)
    expect(nomad.cameWithImage(container, { client: 'two' })).toBe(false)
  })

  test('there is no filter: the pause container of an allocation does not bear the client’s label', () => {
    expect(nomad.filter).toBeUndefined()
  })
})

describe('the groups of Nomad', () => {
  const { grouping, marks } = ownedByNomad()
  const pause = `nomad_init_${uuid}`

  test('are the allocations', () => {
    expect(marks).toEqual([allocation])
    expect(grouping?.groupOf(summary({ labels: { [allocation]: uuid } }))).toBe(uuid)
    expect(grouping?.groupOf(summary({ labels: { other: uuid } }))).toBeUndefined()
    expect(grouping?.groupOf(summary({ labels: {} }))).toBeUndefined()
  })

  test.each<[readonly string[], boolean]>([
    [[pause], true],
    [['alias', pause], true],
    [[`my-${pause}`], false],
    [[`${pause}-1`], false],
    [['nomad_init_'], false],
    [[], false],
  ])('have helpers: named %j: %s', (names, isHelper) => {
    expect(grouping?.isHelper(summary({ names }))).toBe(isHelper)
  })
})

describe('by what a container is owned, in words', () => {
  const nomad = ownedByNomad()
  const nomadClient = ownedByNomad({ label: 'client', value: 'one' })
  const old = { labels: {}, mountTargets, name: `redis-${uuid}` }
  const asBefore = "a name and mounts as Nomad's before it set labels"

  test.each<[Ownership, Parameters<typeof summary>[0], string]>([
    [byValue, { labels: { 'com.example.agent': 'agent-7' } }, 'label com.example.agent=agent-7'],
    [
      byValue,
      { labels: { 'com.example.agent': 'agent-8' } },
      'label com.example.agent=agent-8, and not agent-7',
    ],
    [byValue, { labels: {} }, 'no label com.example.agent'],
    [byAnyValue, { labels: { 'com.example.agent': 'agent-8' } }, 'label com.example.agent=agent-8'],
    [byAnyValue, { labels: {} }, 'no label com.example.agent'],
    [nomad, { labels: { [allocation]: uuid } }, `label ${allocation}=${uuid}`],
    [nomad, { ...old, labels: { [allocation]: uuid } }, `label ${allocation}=${uuid}`],
    [nomad, old, asBefore],
    [nomad, { labels: {} }, `no label ${allocation}`],
    [nomadClient, { ...old, labels: { client: 'one' } }, `${asBefore}; label client=one`],
    [
      nomadClient,
      { labels: { [allocation]: uuid, client: 'two' } },
      `label ${allocation}=${uuid}; label client=two, and not one`,
    ],
  ])('%#', (ownership, container, words) => {
    expect(ownership.seen(summary(container))).toBe(words)
  })
})

describe('labels that are kept of a container', () => {
  const labels = { 'com.example.agent': 'agent-7', secret: 'x' }
  const foreign = { 'com.example.agent': 'agent-70', secret: 'x' }
  const kept = labelsToKeep(ownedByLabel({ label: 'com.example.agent', value: 'agent-7' }))
  const nomad = labelsToKeep(ownedByNomad({ label: 'client', value: 'a' }))
  const allocation = { 'com.hashicorp.nomad.alloc_id': 'x', other: 'y' }

  test('all of an owned one', () => {
    expect(kept(summary({ labels }))).toEqual(labels)
    expect(nomad(summary({ labels: { ...allocation, client: 'a' } }))).toEqual({ ...allocation, client: 'a' })
  })

  test('of a foreign one those that show that it is foreign', () => {
    expect(kept(summary({ labels: foreign }))).toEqual({ 'com.example.agent': 'agent-70' })
    expect(nomad(summary({ labels: { ...allocation, client: 'b' } }))).toEqual({
      'com.hashicorp.nomad.alloc_id': 'x',
      client: 'b',
    })
    expect(Object.keys(kept(summary({ labels: JSON.parse('{"__proto__":"a"}') as never })))).toEqual([])
  })

  test('flat: foreign ones without such labels, of which there may be thousands, share one object', () => {
    const [one, other] = [{ a: 'b' }, { c: 'd' }].map((all) => kept(summary({ labels: all })))
    expect(one).toEqual({})
    expect(one).toBe(other)
  })

  test('all of a helper, which may be owned for the sake of its group', () => {
    const name = 'nomad_init_0f8fad5b-d9cb-469f-a165-70867728950e'
    expect(nomad(summary({ name, labels: allocation }))).toEqual(allocation)
  })

  test('whether a container is owned, and why not, is the same with them', () => {
    const owner = ownedByLabel({ label: 'com.example.agent', value: 'agent-7' })
    for (const all of [labels, foreign, {}]) {
      const whole = summary({ labels: all })
      const reduced = { ...whole, labels: kept(whole) }
      expect([owner.owns(reduced), owner.seen(reduced)]).toEqual([owner.owns(whole), owner.seen(whole)])
    }
  })
})
