import assert from 'node:assert/strict'
import { it } from 'node:test'
import { differenceOf, isSame, printValue } from '../../src/proving/difference.ts'

it('equal is equal by contents: numbers nearly, large integers exactly, bytes by their bytes', () => {
  assert.ok(isSame(0.1 + 0.2, 0.3))
  assert.ok(!isSame(1, 1.000001))
  assert.ok(isSame(9007199254740993n, 9007199254740993n) && !isSame(9007199254740993n, 9007199254740992n))
  assert.ok(isSame(5, 5n) && isSame(Number.NaN, Number.NaN))
  assert.ok(isSame(new Uint8Array([1, 2]), Buffer.from([1, 2])) && !isSame(new Uint8Array([1]), [1]))
  assert.ok(!isSame({ a: undefined }, {}) && !isSame(null, {}) && !isSame([], {}) && !isSame('1', 1))
  assert.ok(isSame({ a: 1 }, { a: 1, b: 2 }, 'includes') && !isSame({ a: 1 }, { a: 1, b: 2 }))
  assert.ok(isSame([{ a: 1 }], [{ a: 1, b: 2 }], 'includes'))
})

it('a difference shows what both have, what was expected and what came, as deep as it lies', () => {
  const lines = differenceOf(
    'p',
    { same: 1, list: [1, 2], gone: 'x', of: { a: 1 } },
    { same: 1, list: [1], of: 7, more: true },
  )
  assert.deepEqual(
    lines?.map(({ sign, text }) => `${sign} ${text}`),
    [
      '  p:',
      '    same: 1',
      '    list:',
      '      [0]: 1',
      '-     [1]: 2',
      '-   gone: "x"',
      '-   of: { a: 1 }',
      '+   of: 7',
      '+   more: true',
    ],
  )
  assert.equal(differenceOf('p', { a: 1 }, { a: 1, b: 2 }, 'includes'), null)
})

it('values are printed on one line, long ones cut, bytes in hexadecimal', () => {
  assert.equal(
    printValue({ a: [1n, null], 'b c': new Uint8Array([255]), d: {} }),
    '{ a: [1, null], "b c": hex ff, d: {} }',
  )
  assert.equal(printValue('x'.repeat(400)).length, 301)
})
