import assert from 'node:assert/strict'
import { it } from 'node:test'
import { suggest } from '../../src/document/suggest.ts'

const legal = ['brokers', 'client_id', 'topic', 'tls', 'sasl', 'linger_ms']

for (const [written, expected] of [
  ['broker', 'brokers'],
  ['borkers', 'brokers'],
  ['clientId', 'client_id'],
  ['Topic', 'topic'],
  ['tsl', 'tls'],
  ['saslx', 'sasl'],
  ['lingerms', 'linger_ms'],
  ['bootstrap', undefined],
  ['xyz', undefined],
  ['t', undefined],
] as const) {
  it(`${written} is taken for ${expected ?? 'nothing'}`, () => assert.equal(suggest(written, legal), expected))
}
