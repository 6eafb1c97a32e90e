import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { compileExpression } from '../../src/engine/expression/expression.ts'
import type { FunctionRow } from '../../src/engine/expression/functions/row.ts'
import { functions } from '../../src/engine/expression/functions/table.ts'
import { standardNames, type Variable } from '../../src/engine/expression/names.ts'
import { Scope } from '../../src/engine/expression/scope.ts'
import { dyn } from '../../src/engine/expression/type.ts'
import { Duration, Timestamp } from '../../src/engine/expression/value.ts'
import { messageWith } from '../engine/expression/run.ts'
import { defuse } from './bomb.ts'

const noise = Array.from({ length: 3_000 }, (_, at) => createHash('sha256').update(`${at}`).digest('hex')).join('')
const large = Array.from({ length: 20_000 }, (_, at) => ({ at }))

/** What a function is given where it takes a value of a kind: small and large, plain and odd. */
const given: Readonly<Record<string, readonly unknown[]>> = {
  string: [
    'a',
    'a'.repeat(100_000),
    noise,
    `${'a'.repeat(20_000)}b`,
    'ü😀'.repeat(20_000),
    JSON.stringify(large),
    '%.99f'.repeat(5_000),
    '[a-f]+[0-9]',
    '(a|b)*a(a|b){9}',
    'a/b/'.repeat(20_000),
  ],
  number: [1, 3, 50_000, 1e15, 0.1, 2n ** 62n],
  list: [
    large,
    Array.from({ length: 50_000 }, (_, at) => 50_000 - at),
    Array.from({ length: 2_000 }, (_, at) => `${noise.slice(0, 200)}${at}`),
    Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => 1)),
    Array.from({ length: 20_000 }, (_, at) => [at % 90, at % 180]),
    [0, 100],
  ],
  bytes: [new Uint8Array(200_000).fill(0x21), new Uint8Array(8)],
  map: [Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`k${at}`, at]))],
  timestamp: [new Timestamp(1_767_323_045_678)],
  duration: [new Duration(900_000)],
}

const kindsOf = (families: readonly string[]): readonly unknown[] =>
  families.includes('any') ? Object.values(given).flat() : families.flatMap((family) => given[family] ?? [])

const scope = new Scope()
const message = messageWith(new Uint8Array(1_000_000))

/** Each value of the first argument, with those of the others in turn. */
function combinations({ receiver, args }: FunctionRow): unknown[][] {
  const [first = [], ...rest] = (receiver === null ? args : [receiver, ...args]).map(({ families }) =>
    kindsOf(families),
  )
  return first.map((value, turn) => [value, ...rest.map((choices, at) => choices[(turn + at) % choices.length])])
}

describe('B2: no function', () => {
  for (const row of functions) {
    const whole = `${row.receiver === null ? '' : '.'}${row.name}`
    it(`costs more than it is charged: ${whole}() over and over`, () => {
      const values: unknown[] = []
      const count = (row.receiver === null ? 0 : 1) + row.args.length
      const names = Array.from({ length: count }, (_, at) => `x${at}`)
      const variables = names.map((name, at): [string, Variable] => [
        name,
        { type: dyn, depends: 'message', read: () => values[at] },
      ])
      const call = row.receiver === null ? `${row.name}(${names.join()})` : `x0.${row.name}(${names.slice(1).join()})`
      const text = `lists.range(1000).map(i, lists.range(100).map(j, type(${call})))`
      const { compiled } = compileExpression(
        { text, origin: { path: [] } },
        new Map([...standardNames(dyn), ...variables]),
      )
      for (const some of combinations(row)) {
        values.splice(0, values.length, ...some)
        const shown = some.map((value) => String(value).slice(0, 20)).join(', ')
        defuse(`${whole}(${shown})`, () => {
          scope.begin(message)
          scope.beginRule([], 0)
          return compiled?.evaluate(scope)
        })
      }
    })
  }
})
