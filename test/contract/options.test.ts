import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OptionsOf, withDefaults } from '../../src/contract/options.ts'

const schema = {
  type: 'object',
  required: ['hosts'],
  properties: {
    hosts: { type: 'array', items: { type: 'string' } },
    count: { type: 'integer', default: 3 },
    mode: { enum: ['a', 'b'], default: 'a' },
    login: {
      type: 'object',
      required: ['user'],
      properties: { user: { type: 'string' }, safe: { type: 'boolean', default: true } },
    },
  },
} as const

test('fills defaults in, in nested objects only where these are given', () => {
  assert.deepEqual(withDefaults(schema, { hosts: ['x'] }), { hosts: ['x'], count: 3, mode: 'a' })
  assert.deepEqual(withDefaults(schema, { hosts: [], count: 0, login: { user: 'me' } }), {
    hosts: [],
    count: 0,
    mode: 'a',
    login: { user: 'me', safe: true },
  })
})

test('leaves what it was given as it was', () => {
  const given = { hosts: ['x'], login: { user: 'me' } }
  withDefaults(schema, given)
  assert.deepEqual(given, { hosts: ['x'], login: { user: 'me' } })
})

test('the type knows what is always there', () => {
  const options: OptionsOf<typeof schema> = { hosts: ['x'], count: 1, mode: 'b' }
  const mode: 'a' | 'b' = options.mode
  // @ts-expect-error: it may be absent
  const user: string = options.login?.user
  assert.deepEqual([mode, user], ['b', undefined])
})
