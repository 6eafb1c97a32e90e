import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  printAge,
  printCount,
  printLongAge,
  printPlural,
  printRate,
  printSafe,
  printSize,
} from '../../src/cli/human.ts'

it('counts are grouped by thousands', () => {
  assert.deepEqual([0, 999, 1000, 9812, 2310044, -1234].map(printCount), [
    '0',
    '999',
    '1,000',
    '9,812',
    '2,310,044',
    '-1,234',
  ])
  assert.deepEqual(
    [printPlural(1, 'fault'), printPlural(0, 'fault'), printPlural(2000, 'fault')],
    ['1 fault', '0 faults', '2,000 faults'],
  )
})

it('sizes have one decimal below ten of their unit, and never a thousand of it', () => {
  assert.deepEqual([0, 999, 1000, 9949, 9950, 57_000_000, 999_499, 999_600, 1_100_000_000].map(printSize), [
    '0 B',
    '999 B',
    '1.0 kB',
    '9.9 kB',
    '10 kB',
    '57 MB',
    '999 kB',
    '1.0 MB',
    '1.1 GB',
  ])
})

it('ages are in the largest unit that fits, never rounded up', () => {
  assert.deepEqual([0, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 86_399_999, 3 * 86_400_000].map(printAge), [
    '0 s',
    '0 s',
    '1 s',
    '59 s',
    '1 min',
    '59 min',
    '1 h',
    '23 h',
    '3 d',
  ])
  assert.deepEqual([5000, 302_000, 300_000, 273_900_000, 86_400_000].map(printLongAge), [
    '5 s',
    '5 min 2 s',
    '5 min',
    '3 d 4 h',
    '1 d',
  ])
  assert.equal(printAge(-5), '0 s')
})

it('rates have a decimal only below ten', () => {
  assert.deepEqual([0, 0.01, 0.4, 2, 9.94, 9.96, 41.4, 9812].map(printRate), [
    '0',
    '<0.1',
    '0.4',
    '2',
    '9.9',
    '10',
    '41',
    '9,812',
  ])
})

it('no control character of a stranger reaches the terminal', () => {
  assert.equal(printSafe('a\x1b[2Jb\x07\x9b\n\t\u202e'), 'a\\x1b[2Jb\\x07\\x9b\\n\\t\\u202e')
  assert.equal(printSafe('grüße 温度 ok'), 'grüße 温度 ok')
})
