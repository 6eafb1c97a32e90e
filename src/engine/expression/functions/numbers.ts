import type { Scope, Site } from '../scope.ts'
import { bool, double, familyOf, joinTypes, number, type Type } from '../type.ts'
import { kindOf, Uint } from '../value.ts'
import { type Accepts, aNumber, anInteger, type FunctionRow, overspent, plain, type Run } from './row.ts'

type Num = number | bigint

const sameKind = ([type]: readonly Type[]): Type =>
  type?.kind === 'int' || type?.kind === 'uint' || type?.kind === 'double' ? type : number

const minInt64 = -(2n ** 63n)

const aRange: Accepts = {
  families: ['list'],
  test: (value) => Array.isArray(value) && value.length === 2 && value.every((end) => typeof end === 'number'),
  phrase: 'a range like [0, 100]',
}

/** CEL's math extension, and what the calibration of sensors needs beside it. *Source*: cel-go `ext/math.go`. */
export const numberFunctions: readonly FunctionRow[] = [
  plain('math.abs', [aNumber], sameKind, ['Without its sign.', 'math.abs(-1.5) == 1.5'], (scope, site, value: Num) =>
    value === minInt64 ? scope.fail(site, 'the result does not fit 64 bits') : value < 0 ? -value : value,
  ),
  plain('math.sign', [aNumber], sameKind, ['-1, 0 or 1.', 'math.sign(-1.5) == -1'], (_scope, _site, value: Num) =>
    typeof value === 'bigint' ? (value < 0n ? -1 : 1) : Math.sign(value),
  ),
  plain('math.ceil', [aNumber], sameKind, ['The next whole number upwards.', 'math.ceil(1.2) == 2'], whole(Math.ceil)),
  plain(
    'math.floor',
    [aNumber],
    sameKind,
    ['The next whole number downwards.', 'math.floor(-1.2) == -2'],
    whole(Math.floor),
  ),
  plain(
    'math.round',
    [aNumber, anInteger],
    sameKind,
    [
      'The nearest whole number, or with so many decimals; half goes away from zero.',
      'math.round(1.005 * 100, 1) == 100.5',
    ],
    round,
    { optional: 1 },
  ),
  plain('math.trunc', [aNumber], sameKind, ['Without its decimals.', 'math.trunc(-1.8) == -1'], whole(Math.trunc)),
  plain(
    'math.isNaN',
    [aNumber],
    bool,
    ['Whether it is no number.', 'math.isNaN(math.sqrt(-1))'],
    (_scope, _site, value: Num) => Number.isNaN(value),
  ),
  plain(
    'math.isInf',
    [aNumber],
    bool,
    ['Whether it is infinite.', 'math.isInf(double("Infinity"))'],
    (_scope, _site, value: Num) => value === Infinity || value === -Infinity,
  ),
  plain(
    'math.isFinite',
    [aNumber],
    bool,
    ['Whether it is a number and not infinite.', 'math.isFinite(1.5)'],
    (_scope, _site, value: Num) => typeof value === 'bigint' || Number.isFinite(value),
  ),
  extreme('math.greatest', (a, b) => a > b, [
    'The greatest of several, or of a list.',
    'math.greatest(1, 2.5, -3) == 2.5',
  ]),
  extreme('math.least', (a, b) => a < b, ['The least of several, or of a list.', 'math.least([1, 2.5, -3]) == -3']),
  plain('math.sqrt', [aNumber], double, ['The square root.', 'math.sqrt(81) == 9.0'], (_scope, _site, value: Num) =>
    Math.sqrt(Number(value)),
  ),
  plain(
    'math.pow',
    [aNumber, aNumber],
    double,
    ['The first to the power of the second.', 'math.pow(2, 10) == 1024'],
    finite2('math.pow', Math.pow),
  ),
  plain(
    'math.exp',
    [aNumber],
    double,
    ['Euler’s number to this power.', 'math.exp(0) == 1'],
    finite('math.exp', Math.exp),
  ),
  plain(
    'math.ln',
    [aNumber],
    double,
    ['The natural logarithm.', 'math.ln(math.exp(2)) == 2'],
    finite('math.ln', Math.log),
  ),
  plain(
    'math.log10',
    [aNumber],
    double,
    ['The decimal logarithm.', 'math.log10(1000) == 3'],
    finite('math.log10', Math.log10),
  ),
  plain('math.log2', [aNumber], double, ['The binary logarithm.', 'math.log2(8) == 3'], finite('math.log2', Math.log2)),
  plain(
    'math.sin',
    [aNumber],
    double,
    ['The sine of an angle in radians.', 'math.sin(0) == 0'],
    finite('math.sin', Math.sin),
  ),
  plain(
    'math.cos',
    [aNumber],
    double,
    ['The cosine of an angle in radians.', 'math.cos(0) == 1'],
    finite('math.cos', Math.cos),
  ),
  plain(
    'math.tan',
    [aNumber],
    double,
    ['The tangent of an angle in radians.', 'math.tan(0) == 0'],
    finite('math.tan', Math.tan),
  ),
  plain(
    'math.asin',
    [aNumber],
    double,
    ['The angle of a sine, in radians.', 'math.asin(0) == 0'],
    finite('math.asin', Math.asin),
  ),
  plain(
    'math.acos',
    [aNumber],
    double,
    ['The angle of a cosine, in radians.', 'math.acos(1) == 0'],
    finite('math.acos', Math.acos),
  ),
  plain(
    'math.atan',
    [aNumber],
    double,
    ['The angle of a tangent, in radians.', 'math.atan(0) == 0'],
    finite('math.atan', Math.atan),
  ),
  plain(
    'math.atan2',
    [aNumber, aNumber],
    double,
    ['The angle of the point (second, first), in radians.', 'math.atan2(0, 1) == 0'],
    finite2('math.atan2', Math.atan2),
  ),
  plain(
    'math.clamp',
    [aNumber, aNumber, aNumber],
    (types) => (types.every((type) => familyOf(type) === 'number') ? types.reduce(joinTypes) : number),
    ['Held between two bounds.', 'math.clamp(120, 0, 100) == 100'],
    (scope, site, value: Num, low: Num, high: Num) => {
      if (low > high) return scope.fail(site, `nothing lies between ${low} and ${high}`)
      return value < low ? low : value > high ? high : value
    },
  ),
  plain(
    'math.scale',
    [aNumber, aRange, aRange],
    double,
    [
      'A value of the first range at the same place of the second: 4 to 20 mA as 0 to 100 %.',
      'math.scale(12, [4, 20], [0, 100]) == 50',
    ],
    scale,
  ),
]

function whole(round: (value: number) => number): Run {
  return (_scope: Scope, _site: Site, value: Num) => (typeof value === 'bigint' ? value : round(value))
}

/** Half goes away from zero, and 0.49999999999999994 is below a half. */
function round(scope: Scope, site: Site, value: Num, digits = 0): unknown {
  if (typeof value === 'bigint') return value
  if (digits === 0) {
    const towardsZero = Math.trunc(value)
    return Math.abs(value - towardsZero) >= 0.5 ? towardsZero + Math.sign(value) : towardsZero
  }
  if (digits < 0 || digits > 15) return scope.fail(site, 'a number can be rounded to 0 to 15 decimals')
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21) return value
  if (!scope.spend(40)) return overspent(scope, site)
  // By its decimal text, since 1.005 * 100 is not 100.5; 15 significant digits are what a double is sure of.
  const [mantissa, exponent = '0'] = value.toPrecision(15).split('e') as [string, string?]
  const shifted = Number(`${mantissa}e${Number(exponent) + digits}`)
  return Number(`${Math.sign(shifted) * Math.round(Math.abs(shifted))}e${-digits}`)
}

const notFinite = (scope: Scope, site: Site, name: string, ...args: Num[]): unknown =>
  scope.fail(site, `${name} has no value at ${args.join(', ')}`)

/** JSON has no infinity and no NaN to show, so what gives one fails. */
function finite(name: string, calculate: (value: number) => number): Run {
  return (scope: Scope, site: Site, value: Num) => {
    if (!scope.spend(4)) return overspent(scope, site)
    const result = calculate(Number(value))
    return Number.isFinite(result) ? result : notFinite(scope, site, name, value)
  }
}

function finite2(name: string, calculate: (a: number, b: number) => number): Run {
  return (scope: Scope, site: Site, a: Num, b: Num) => {
    if (!scope.spend(4)) return overspent(scope, site)
    const result = calculate(Number(a), Number(b))
    return Number.isFinite(result) ? result : notFinite(scope, site, name, a, b)
  }
}

function scale(scope: Scope, site: Site, value: Num, [a, b]: [number, number], [c, d]: [number, number]): unknown {
  if (a === b) return scope.fail(site, `nothing can be scaled from a range of ${a} to ${b}`)
  return c + ((Number(value) - a) * (d - c)) / (b - a)
}

/** `math.greatest(a, b, …)` and `math.greatest(list)`. */
function extreme(
  name: string,
  beats: (a: Num, b: Num) => boolean,
  doc: readonly [summary: string, example: string],
): FunctionRow {
  const accepts: Accepts = {
    families: ['number', 'list'],
    test: (value) => aNumber.test(value) || value instanceof Uint || Array.isArray(value),
    phrase: 'numbers, or one list of numbers',
  }
  const result = (args: readonly Type[]): Type => {
    const [first] = args
    if (args.length === 1 && first?.kind === 'list') return familyOf(first.of) === 'number' ? first.of : number
    return args.every((type) => familyOf(type) === 'number') ? args.reduce(joinTypes) : number
  }
  return plain(
    name,
    [accepts],
    result,
    doc,
    (scope: Scope, site: Site, args: readonly unknown[]) => {
      const numbers = args.length === 1 && Array.isArray(args[0]) ? (args[0] as unknown[]) : args
      if (!scope.spend(numbers.length >> 1)) return overspent(scope, site)
      let best: Num | null = null
      let found: unknown = null
      for (const value of numbers) {
        const held = value instanceof Uint ? value.unsigned : value
        if (typeof held !== 'number' && typeof held !== 'bigint') {
          return scope.fail(site, `${name} needs numbers, and got a ${kindOf(value)}`)
        }
        if (best !== null && !beats(held, best)) continue
        best = held
        found = value
      }
      return best === null ? scope.fail(site, `${name} of an empty list`) : found
    },
    // Of one exact type, that type's own form serves; else what is found must tell its kind.
    { variadic: true, dynamic: (args) => args.some(({ kind }) => kind !== args[0]!.kind || kind === 'dyn') },
  )
}
