import { describe, expect, test } from 'vitest'
import { readListing } from '../../src/engine/listing.ts'
import { inDockersForm } from '../../src/engine/podman-listing.ts'
import { fakeId } from '../support/fake-engine.ts'

async function read(text: string, pieceBytes = 7) {
  const bytes = Buffer.from(text)
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes)
  }
  const { listing } = await readListing(inDockersForm(body()), async () => {})
  return listing
}

const entry = {
  AutoRemove: false,
  Created: '2026-01-15T12:00:07.945957984Z',
  Id: fakeId(1),
  Image: 'localhost/app:1',
  ImageID: 'ab460b73cad9',
  Labels: { a: 'b' },
  Mounts: ['/data'],
  Names: ['half'],
  State: 'removing',
}

describe('a listing of Podman’s own API', () => {
  test('says what one of Docker’s would say', async () => {
    const { containers, unidentified } = await read(JSON.stringify([entry]))
    expect(unidentified).toBeUndefined()
    expect(containers).toMatchObject([
      {
        id: fakeId(1),
        name: 'half',
        names: ['half'],
        image: 'localhost/app:1',
        imageId: 'sha256:ab460b73cad9',
        hasNoImage: undefined,
        state: 'removing',
        createdAtMs: Date.UTC(2026, 0, 15, 12, 0, 7),
        labels: { a: 'b' },
        networkMode: '',
        mountTargets: ['/data'],
        unreadable: undefined,
      },
    ])
  })

  test.each<[string, object, object]>([
    ['no image', { ImageID: '' }, { imageId: '', hasNoImage: true }],
    ['null for what it has none of', { Labels: null, Mounts: null }, { labels: {}, mountTargets: [] }],
    ['no time of creation', { Created: 'never' }, { createdAtMs: undefined }],
  ])('with %s', async (_, given, expected) => {
    const { containers } = await read(JSON.stringify([{ ...entry, ...given }]))
    expect(containers).toMatchObject([{ unreadable: undefined, ...expected }])
  })

  test.each<[string, string, object]>([
    [
      'labels of another shape',
      JSON.stringify([{ ...entry, Labels: ['a'] }]),
      { unreadable: expect.any(String) },
    ],
    [
      'an image that is no text',
      JSON.stringify([{ ...entry, ImageID: 1 }]),
      { unreadable: expect.any(String) },
    ],
  ])('unknown-is-spared: an entry with %s is unreadable', async (_, text, expected) => {
    const { containers } = await read(text)
    expect(containers).toMatchObject([{ id: fakeId(1), ...expected }])
  })

  test.each<[string, string]>([
    ['no object', '[1]'],
    ['no id', JSON.stringify([{ ...entry, Id: undefined }])],
    ['more than a mebibyte', JSON.stringify([{ ...entry, Labels: { a: 'b'.repeat(2 ** 20) } }])],
  ])('unknown-is-spared: an entry with %s may be any container', async (_, text) => {
    const { containers, unidentified } = await read(text, 64 * 1024)
    expect([containers, unidentified?.count]).toEqual([[], 1])
  })

  test.each(['', 'null', '{}', '[', JSON.stringify([entry]).slice(0, -1), `${JSON.stringify([entry])}x`])(
    'positive-evidence: %j is no listing',
    async (text) => {
      await expect(read(text)).rejects.toThrow()
    },
  )

  test('may be empty', async () => {
    expect((await read('[]')).containers).toEqual([])
  })
})
