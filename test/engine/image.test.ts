import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { readImageLabels } from '../../src/engine/image.ts'
import { isSamePlatform, platformText } from '../../src/engine/platform.ts'
import type { Engine } from '../../src/engine/port.ts'
import { toSummary } from '../../src/engine/summary.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  type Behaviour,
  type MisbehavingServer,
  neverAnswers,
  startMisbehavingServer,
} from '../support/misbehaving-server.ts'
import { recordedEngines, recordedEntry, recordedOf } from '../support/recorded.ts'

const id = `sha256:${'a'.repeat(64)}`
const manifest = `sha256:${'b'.repeat(64)}`
const whole = {
  Id: id,
  Os: 'linux',
  Architecture: 'amd64',
  RootFS: { Type: 'layers', Layers: [manifest] },
  Config: { Labels: { a: 'b' } },
}

let server: MisbehavingServer
let engine: Engine
beforeEach(async () => {
  server = await startMisbehavingServer(neverAnswers)
  engine = createDockerodeEngine({ engine: server.address, clock: systemClock })
})
afterEach(async () => {
  await server.quiet()
  await server.close()
})

const isFields = (body: unknown): body is Readonly<Record<string, unknown>> =>
  typeof body === 'object' && body !== null && !Array.isArray(body)

const labels = (platform = '', of = id) => engine.imageLabels({ id: of, platform }, { deadlineMs: 10_000 })

describe('positive-evidence: what real engines answer about an image', () => {
  const all = recordedEngines.flatMap((engine) =>
    Object.entries(recordedOf(engine).image).flatMap(([name, { status, body }]) =>
      // the answers to other requests are not about one image
      isFields(body) ? [{ engine, name, answer: { status, body } }] : [],
    ),
  )
  const answered = all.filter(({ answer }) => answer.status === 200)

  test.each(answered.filter(({ name }) => !name.startsWith('content-without-')))(
    '$engine: $name',
    async ({ name, answer: { body } }) => {
      server.behave(answers(200, body))
      const found = await labels('', String(body['Id']))
      const isLabelled = name === 'labelled' || name === 'content-whole'
      expect(found['com.example.agent']).toBe(isLabelled ? 'agent-7' : undefined)
      if (name === 'normal') expect(found).toEqual({})
    },
  )

  test('when the content of an image is lost, its labels are unknown', async () => {
    const lost = answered.filter(({ name }) => name.startsWith('content-without-'))
    expect(lost.length).toBeGreaterThan(1)
    for (const { answer } of lost) {
      server.behave(answers(200, answer.body))
      await expect(labels('', String(answer.body['Id']))).rejects.toMatchObject({
        kind: 'invalid-answer',
        message: expect.stringMatching(/lacks the platform and layers/) as unknown,
      })
    }
  })

  test('an absent image is gone', async () => {
    for (const { answer } of all.filter(({ name }) => name === 'unknown')) {
      server.behave(answers(answer.status, answer.body))
      await expect(labels()).rejects.toMatchObject({ kind: 'gone', status: 404 })
    }
  })
})

describe('positive-evidence: an incomplete answer, or one about another image, is unknown', () => {
  test.each<[string, unknown]>([
    ['an empty object', {}],
    ['an error with the status of success', { message: 'x' }],
    ['null', 'null'],
    ['an array', []],
    ['nothing', ''],
    ['another id', { ...whole, Id: manifest }],
    ['no id', { ...whole, Id: undefined }],
    ['no system', { ...whole, Os: '' }],
    ['no architecture', { ...whole, Architecture: undefined }],
    ['no layers', { ...whole, RootFS: {} }],
    ['no layer', { ...whole, RootFS: { Layers: [] } }],
    ['no configuration', { ...whole, Config: null }],
    ['labels that are a text', { ...whole, Config: { Labels: 'a' } }],
    ['a label that is a number', { ...whole, Config: { Labels: { a: 1 } } }],
  ])('%s', async (_what, body) => {
    server.behave(answers(200, body))
    await expect(labels()).rejects.toMatchObject({ kind: 'invalid-answer' })
  })

  test('a 404 not worded by an engine says nothing about the image', async () => {
    server.behave(answers(404, 'Not Found'))
    await expect(labels()).rejects.toMatchObject({ kind: 'misconfigured' })
  })

  test.each([null, undefined, {}])('labels of %j mean no labels', (given) => {
    expect(readImageLabels({ ...whole, Config: { Labels: given } })).toEqual({})
  })
})

describe('positive-evidence: an id may stand for several platforms', () => {
  const arm = {
    ...whole,
    Id: manifest,
    Architecture: 'arm64',
    Variant: 'v8',
    Config: { Labels: { a: 'arm' } },
  }
  const digests = { RepoDigests: [`busybox@${id}`] }

  /** Answers for the platform that is asked for, as API 1.49 and newer. */
  const bothPlatforms =
    (special: Behaviour): Behaviour =>
    (response, request) =>
      (request.url?.includes('platform=') ? special : answers(200, whole))(response, request)

  test.each(['linux/amd64', 'linux/x86_64', 'LINUX/amd64/v1'])(
    '%s is what was answered',
    async (platform) => {
      server.behave(answers(200, whole))
      expect(await labels(platform)).toEqual({ a: 'b' })
      expect(server.requests).toHaveLength(1)
    },
  )

  test('another one is inspected by name', async () => {
    server.behave(bothPlatforms(answers(200, { ...arm, ...digests })))
    expect(await labels('linux/arm64')).toEqual({ a: 'arm' })
    const [, second] = server.requests
    expect(JSON.parse(second?.query.get('platform') ?? '')).toEqual({ os: 'linux', architecture: 'arm64' })
  })

  test('with its variant', async () => {
    server.behave(bothPlatforms(answers(200, { ...arm, ...digests, Architecture: 'arm', Variant: 'v6' })))
    expect(await labels('linux/arm/v6')).toEqual({ a: 'arm' })
    expect(JSON.parse(server.requests[1]?.query.get('platform') ?? '')).toMatchObject({ variant: 'v6' })
  })

  test('an image without a name is identified by its descriptor', async () => {
    server.behave(bothPlatforms(answers(200, { ...arm, RepoDigests: [], Descriptor: { digest: manifest } })))
    expect(await labels('linux/arm64')).toEqual({ a: 'arm' })
  })

  test.each<[string, Behaviour]>([
    ['an engine that does not know the question', answers(200, whole)],
    [
      'an image that is not there for it',
      answers(404, { message: 'image was found but does not provide the platform' }),
    ],
    ['a question that is refused', answers(400, { message: 'invalid platform' })],
    ['another image', answers(200, { ...arm, RepoDigests: [`other@${manifest}`] })],
    ['no sign of which image it is', answers(200, arm)],
    ['an answer without content', answers(200, { ...whole, Os: '', Architecture: '' })],
  ])('unknown is: %s', async (_what, special) => {
    server.behave(bothPlatforms(special))
    await expect(labels('linux/arm64/v8')).rejects.toMatchObject({ kind: 'invalid-answer' })
    expect(server.requests).toHaveLength(2)
  })

  const typed = (type: string) => ({ Descriptor: { mediaType: `application/vnd.${type}+json`, digest: id } })
  const index = typed('oci.image.index.v1')
  const kinds = (...all: unknown[]) => ({ ...whole, ...index, Manifests: all.map((Kind) => ({ Kind })) })

  test.each<[string, object]>([
    ['an id that is the digest of a configuration', { RepoDigests: [`busybox@${manifest}`] }],
    ['one without a name, in the classic store', { RepoDigests: [], GraphDriver: { Name: 'overlay2' } }],
    ['a manifest', { ...typed('oci.image.manifest.v1'), ...digests }],
    ['a manifest of Docker', typed('docker.distribution.manifest.v2')],
  ])('of a container without a platform, one platform is known at once: %s', async (_, fields) => {
    server.behave(answers(200, { ...whole, ...fields }))
    expect(await labels()).toEqual({ a: 'b' })
    expect(server.requests).toHaveLength(1)
  })

  test.each<[string, object]>([
    ['one image', kinds('image')],
    ['one image with its attestation', kinds('image', 'attestation')],
  ])('an index that has %s is for one platform', async (_, answer) => {
    server.behave(answers(200, answer))
    expect(await labels()).toEqual({ a: 'b' })
    expect(server.requests.map(({ query }) => query.get('manifests'))).toEqual([null, 'true'])
  })

  test.each<[string, object]>([
    ['an index that does not show its manifests', { ...whole, ...index }],
    ['a list of Docker', { ...whole, ...typed('docker.distribution.manifest.list.v2') }],
    ['an index of two images', kinds('image', 'image', 'attestation')],
    ['an index of an image and something else', kinds('image', 'unknown')],
    ['an index of nothing known', kinds(undefined)],
    ['an index without an image', kinds('attestation')],
    ['an old engine whose id is the digest of a manifest', { ...whole, ...digests }],
    ['the same, without a name', { ...whole, RepoDigests: [], GraphDriver: { Name: 'overlayfs' } }],
  ])('of a container without a platform, unknown is: %s', async (_, answer) => {
    server.behave(answers(200, answer))
    await expect(labels()).rejects.toMatchObject({
      kind: 'invalid-answer',
      message: expect.stringMatching(/may cover several platforms/) as unknown,
    })
  })

  test.each([
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/aarch64', 'linux/arm64/8', true],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/armhf', 'linux/arm/7', true],
    ['linux/armel', 'linux/arm/v6', true],
    ['linux/i386', 'linux/386', true],
    ['macos/arm64', 'darwin/arm64', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/amd64', 'linux/amd64/v3', false],
    ['linux/arm64', 'linux/arm64/v9', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/riscv64', 'linux/s390x', false],
  ])('%s and %s are the same: %s', (one, other, isSame) => {
    expect(isSamePlatform(one, other)).toBe(isSame)
    expect(isSamePlatform(other, one)).toBe(isSame)
  })
})

describe('what a listing says about the image', () => {
  const listed = (fields: object) => toSummary({ Id: fakeId(1), ...fields })

  test('its platform, where the engine lists it', () => {
    const entry = recordedEntry('dockerd-28.5.2-containerd', 'running')
    expect(toSummary(entry).platform).toBe('linux/amd64')
    const older = recordedEntry('dockerd-28.5.2', 'running')
    expect(toSummary(older).platform).toBe('')
    expect(platformText({ os: 'linux', architecture: 'arm', variant: 'v7' })).toBe('linux/arm/v7')
    expect(platformText({ os: 'linux' })).toBe('')
  })

  test('that there is none, which differs from none being known', () => {
    const entry = recordedEntry('podman-5.8.6', 'rootfs')
    expect(toSummary(entry)).toMatchObject({ imageId: '', hasNoImage: true })
    for (const unknown of [{}, { ImageID: '' }, { ImageID: null }]) {
      expect(listed(unknown)).toMatchObject({ imageId: '', hasNoImage: undefined })
    }
    expect(listed({ ImageID: id })).toMatchObject({ imageId: id, hasNoImage: undefined })
  })

  test('a descriptor of the wrong shape makes the listing invalid', () => {
    expect(() => listed({ ImageManifestDescriptor: 'linux' })).toThrow(/wrong shape/)
  })
})
