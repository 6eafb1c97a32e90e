import type { Scope, Site } from '../scope.ts'
import { bool, double, familyOf, int, joinTypes, type Type } from '../type.ts'
import { kindOf } from '../value.ts'
import { aNumber, type FunctionRow, plain } from './row.ts'

type Num = number | bigint

const whole = (round: (value: number) => number) => (_scope: Scope, _site: Site, value: Num) =>
  typeof value === 'bigint' ? value : round(value)

const sameKind = ([type]: readonly Type[]): Type => (type?.kind === 'int' ? int : double)

/** Half goes away from zero, and 0.49999999999999994 is below a half. */
function round(value: number): number {
  const towardsZero = Math.trunc(value)
  return Math.abs(value - towardsZero) >= 0.5 ? towardsZero + Math.sign(value) : towardsZero
}

/** CEL's math extension. *Source*: cel-go `ext/math.go`. */
export const numberFunctions: readonly FunctionRow[] = [
  plain('math.abs', [aNumber], sameKind, (_scope, _site, value: Num) => (value < 0 ? -value : value)),
  plain('math.sign', [aNumber], sameKind, (_scope, _site, value: Num) =>
    typeof value === 'bigint' ? (value < 0n ? -1 : 1) : Math.sign(value),
  ),
  plain('math.ceil', [aNumber], sameKind, whole(Math.ceil)),
  plain('math.floor', [aNumber], sameKind, whole(Math.floor)),
  plain('math.round', [aNumber], sameKind, whole(round)),
  plain('math.trunc', [aNumber], sameKind, whole(Math.trunc)),
  plain('math.sqrt', [aNumber], double, (_scope, _site, value: Num) => Math.sqrt(Number(value))),
  plain('math.isNaN', [aNumber], bool, (_scope, _site, value: Num) => Number.isNaN(value)),
  plain('math.isInf', [aNumber], bool, (_scope, _site, value: Num) => value === Infinity || value === -Infinity),
  plain(
    'math.isFinite',
    [aNumber],
    bool,
    (_scope, _site, value: Num) => typeof value === 'bigint' || Number.isFinite(value),
  ),
  extreme('math.greatest', (a, b) => a > b),
  extreme('math.least', (a, b) => a < b),
]

/** `math.greatest(a, b, …)` and `math.greatest(list)`. */
function extreme(name: string, beats: (a: Num, b: Num) => boolean): FunctionRow {
  const accepts = { ...aNumber, families: ['number', 'list'] as const, phrase: 'numbers, or one list of numbers' }
  return {
    name,
    receiver: null,
    args: [{ ...accepts, test: (value) => aNumber.test(value) || Array.isArray(value) }],
    optional: 0,
    variadic: true,
    result: (args) => {
      const [first] = args
      if (args.length === 1 && first?.kind === 'list') return familyOf(first.of) === 'number' ? first.of : double
      return args.reduce(joinTypes)
    },
    run: (scope, site, args: readonly unknown[]) => {
      const numbers = args.length === 1 && Array.isArray(args[0]) ? (args[0] as unknown[]) : args
      scope.spend(numbers.length)
      let best: Num | null = null
      for (const value of numbers) {
        if (typeof value !== 'number' && typeof value !== 'bigint') {
          return scope.fail(site, `${name} needs numbers, and got a ${kindOf(value)}`)
        }
        if (best === null || beats(value, best)) best = value
      }
      return best ?? scope.fail(site, `${name} of an empty list`)
    },
  }
}
