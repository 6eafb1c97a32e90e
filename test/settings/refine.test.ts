import assert from 'node:assert/strict'
import { it } from 'node:test'
import { refine } from '../../src/settings/refine.ts'

const secret = { type: 'string', secret: true }
const schema = {
  properties: {
    size: { quantity: 'bytes' },
    out: { type: 'string', format: 'path' },
    list: { type: 'array', items: { properties: { word: secret } } },
    union: { anyOf: [{ properties: { a: secret } }, { properties: { b: { quantity: 's' } } }] },
    map: { additionalProperties: secret },
    plain: { type: 'string' },
  },
}
const refined = (value: unknown) => refine(value, schema, '/hub/config', '/hub/data')

it('units become numbers, also inside alternatives', () => {
  assert.deepEqual(refined({ size: '2 kB', union: { b: '2 min' } }).value, { size: 2000, union: { b: 120 } })
})

it('paths become absolute, and ${' + 'data} at their head is the data folder', () => {
  for (const [text, expected] of [
    ['out', '/hub/config/out'],
    ['../out', '/hub/out'],
    ['/out', '/out'],
    [`\${data}/out`, '/hub/data/out'],
    [`\${data}`, '/hub/data'],
    [`\${database}/x`, `/hub/config/\${database}/x`],
    ['-----BEGIN\nX', '-----BEGIN\nX'],
  ] as const) {
    assert.deepEqual(refined({ out: text }).value, { out: expected })
  }
})

it('other text stays as it is', () => {
  assert.deepEqual(refined({ plain: `\${data}/x`, more: '2 kB' }).value, { plain: `\${data}/x`, more: '2 kB' })
})

it('the values of secret fields are known, wherever they are', () => {
  const { secrets } = refined({
    list: [{ word: 'w1' }, { word: 'w2' }],
    union: { a: 'w3' },
    map: { x: 'w4', y: '' },
    plain: 'p',
  })
  assert.deepEqual([...secrets].sort(), ['w1', 'w2', 'w3', 'w4'])
})
