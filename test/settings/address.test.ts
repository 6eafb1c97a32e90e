import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isLoopback, readAddress } from '../../src/settings/address.ts'

for (const [text, expected] of [
  ['127.0.0.1:1883', { host: '127.0.0.1', port: 1883 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['hub.example:65535', { host: 'hub.example', port: 65_535 }],
  ['127.0.0.1:65536', null],
  [':1883', null],
  ['localhost', null],
] as const) {
  it(`${text} is ${expected === null ? 'no address' : 'an address'}`, () =>
    assert.deepEqual(readAddress(text), expected))
}

for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost', '::ffff:127.0.0.1']) {
  it(`${host} can be reached from this machine only`, () => assert.ok(isLoopback(host)))
}

for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'localhost.example', '1127.0.0.1']) {
  it(`${host} may be reached from elsewhere`, () => assert.ok(!isLoopback(host)))
}
