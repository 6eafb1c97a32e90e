import assert from 'node:assert/strict'
import { it } from 'node:test'
import { quantityPattern, readQuantity } from '../../src/settings/quantity.ts'

for (const [kind, text, expected] of [
  ['bytes', '64 MB', 64_000_000],
  ['bytes', '64MiB', 67_108_864],
  ['bytes', '1.5 kB', 1500],
  ['bytes', '12', 12],
  ['ms', '10 s', 10_000],
  ['ms', '1.5 min', 90_000],
  ['ms', '250 ms', 250],
  ['s', '7 d', 604_800],
] as const) {
  it(`${text} is ${expected} ${kind}`, () => {
    assert.match(text, new RegExp(quantityPattern(kind)))
    assert.equal(readQuantity(kind, text), expected)
  })
}

for (const [kind, text] of [
  ['bytes', '64 mb'],
  ['bytes', '10 s'],
  ['ms', '5 kB'],
  ['s', '5 ms'],
  ['ms', '-1 s'],
  ['ms', 's'],
  ['bytes', '1 constructor'],
  ['bytes', ''],
] as const) {
  it(`'${text}' is no quantity of ${kind}`, () => {
    assert.doesNotMatch(text, new RegExp(quantityPattern(kind)))
    assert.ok(Number.isNaN(readQuantity(kind, text)))
  })
}
