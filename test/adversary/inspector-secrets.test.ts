import Dockerode from 'dockerode'
import { expect, test } from 'vitest'
import { plainError, plainOf } from '../../src/inspector/plain.ts'

test("a private key is not shown, whatever it is called: a host's context may hold its Dockerode instance", () => {
  const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIEow'
  const docker = new Dockerode({ host: 'engine.example', port: 2376, key })
  expect(JSON.stringify(plainOf({ docker, keys: [key] }))).not.toContain('MIIEow')
})

test('an address is shown without the name and the password that it holds', () => {
  const text = 'no answer from https://me:hunter2@engine.example:2376/v1 or tcp://hunter2@other.example'
  const shown = 'no answer from https://engine.example:2376/v1 or tcp://other.example'
  expect(plainOf({ text })).toEqual({ text: shown })
  expect(plainError(new Error(text)).message).toBe(shown)
})
