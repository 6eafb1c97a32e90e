import type { Evaluate, Scope, Site } from './scope.ts'
import { calculateMoments } from './time-value.ts'
import type { Type } from './type.ts'
import { Duration, failed, kindOf, Timestamp, toInt, toUint, Uint } from './value.ts'

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'

/** The static types of both sides. */
export interface Sides {
  readonly left: Type
  readonly right: Type
}

/**
 * Arithmetic over JSON numbers and integers. Two ints, or two uints, calculate as integers: division drops the
 * remainder, and a result beyond 64 bits fails. As soon as a double takes part, and JSON's numbers are doubles,
 * the calculation is one of doubles. Division by zero fails, whatever the types: JSON has no infinity to show for it.
 */
export function compileArithmetic(
  operator: ArithmeticOperator,
  left: Evaluate,
  right: Evaluate,
  site: Site,
  sides: Sides,
): Evaluate {
  const kind = sides.left.kind === sides.right.kind ? sides.left.kind : 'dyn'
  if (kind === 'int' || kind === 'uint') return compileIntegers(operator, left, right, site, kind)
  const slow = (scope: Scope, a: unknown, b: unknown): unknown =>
    a === failed || b === failed ? failed : calculate(scope, site, operator, a, b, sides)
  switch (operator) {
    case '+':
      return (scope) => {
        const a = left(scope)
        if (a === failed) return failed
        const b = right(scope)
        return typeof a === 'number' && typeof b === 'number' ? a + b : slow(scope, a, b)
      }
    case '-':
      return (scope) => {
        const a = left(scope)
        if (a === failed) return failed
        const b = right(scope)
        return typeof a === 'number' && typeof b === 'number' ? a - b : slow(scope, a, b)
      }
    case '*':
      return (scope) => {
        const a = left(scope)
        if (a === failed) return failed
        const b = right(scope)
        return typeof a === 'number' && typeof b === 'number' ? a * b : slow(scope, a, b)
      }
    case '/':
      return (scope) => {
        const a = left(scope)
        if (a === failed) return failed
        const b = right(scope)
        return typeof a === 'number' && typeof b === 'number' && b !== 0 ? a / b : slow(scope, a, b)
      }
    default:
      return (scope) => both(scope, left, right, slow)
  }
}

function both(
  scope: Scope,
  left: Evaluate,
  right: Evaluate,
  then: (scope: Scope, a: unknown, b: unknown) => unknown,
): unknown {
  const a = left(scope)
  return a === failed ? failed : then(scope, a, right(scope))
}

export function compileNegation(of: Evaluate, site: Site, type: Type): Evaluate {
  return (scope) => {
    const value = of(scope)
    // Of an int, minus zero is zero.
    if (typeof value === 'number') return type.kind === 'int' ? 0 - value : -value
    if (value === failed) return failed
    if (typeof value !== 'bigint') return scope.fail(site, `cannot negate ${kindOf(value)}`)
    return inForm(scope, site, toInt(-value), -value, type.kind === 'int')
  }
}

const isNumber = (value: unknown): value is number | bigint | Uint =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint

const verbs: Readonly<Record<ArithmeticOperator, string>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'take the remainder of',
}

/** Both sides are of the one static kind, so that their numbers are integers. */
function compileIntegers(
  operator: ArithmeticOperator,
  left: Evaluate,
  right: Evaluate,
  site: Site,
  kind: 'int' | 'uint',
): Evaluate {
  const slow = (scope: Scope, a: unknown, b: unknown): unknown => {
    if (a === failed || b === failed) return failed
    if (typeof a === 'number' && typeof b === 'number' && b !== 0) {
      // (a - a % b) / b is exact where a / b may round up to the next integer.
      const quick = operator === '/' ? (a - (a % b)) / b : calculateDoubles(operator, a, b)
      if (Number.isSafeInteger(quick) && (kind === 'int' || quick >= 0)) return quick + 0
    }
    // A schema can be wrong about its data; then it is what it is.
    if (!isInteger(a) || !isInteger(b)) return calculate(scope, site, operator, a, b, null)
    const exact = calculateExactly(operator, toBigint(a), toBigint(b))
    if (exact === null) return scope.fail(site, 'division by zero')
    return inForm(scope, site, kind === 'int' ? toInt(exact) : toUint(exact), exact, true)
  }
  return (scope) => both(scope, left, right, slow)
}

const isInteger = (value: unknown): value is number | bigint | Uint =>
  typeof value === 'bigint' || value instanceof Uint || Number.isInteger(value)

const toBigint = (value: number | bigint | Uint): bigint => (value instanceof Uint ? value.unsigned : BigInt(value))

/** An integer in its static form or the one that tells kinds apart; `fits` is null beyond 64 bits. */
function inForm(scope: Scope, site: Site, fits: number | bigint | null, exact: bigint, isStatic: boolean): unknown {
  if (fits === null) return scope.fail(site, 'the result does not fit 64 bits')
  return isStatic ? fits : exact
}

/** Where static types do not tell: numbers as they come, text, lists, bytes and times. */
function calculate(
  scope: Scope,
  site: Site,
  operator: ArithmeticOperator,
  a: unknown,
  b: unknown,
  sides: Sides | null,
): unknown {
  if (isNumber(a) && isNumber(b)) return calculateNumbers(scope, site, operator, a, b, sides)
  if (isMoment(a) && isMoment(b) && (operator === '+' || operator === '-')) {
    const result = calculateMoments(operator, a, b)
    if (result === null) return scope.fail(site, 'the result is out of the range of times')
    if (result !== undefined) return result
  }
  if (operator === '+') return concatenate(scope, site, a, b)
  return scope.fail(site, `cannot ${verbs[operator]} ${kindOf(a)} and ${kindOf(b)}`)
}

const isMoment = (value: unknown): value is Timestamp | Duration =>
  value instanceof Timestamp || value instanceof Duration

type Kind = 'int' | 'uint' | 'double'

function numberKind(value: number | bigint | Uint, type: Type | undefined): Kind {
  if ((type?.kind === 'int' || type?.kind === 'uint') && isInteger(value)) return type.kind
  return typeof value === 'bigint' ? 'int' : value instanceof Uint ? 'uint' : 'double'
}

function calculateNumbers(
  scope: Scope,
  site: Site,
  operator: ArithmeticOperator,
  a: number | bigint | Uint,
  b: number | bigint | Uint,
  sides: Sides | null,
): unknown {
  const left = numberKind(a, sides?.left)
  const right = numberKind(b, sides?.right)
  if (left === 'double' || right === 'double') {
    const divisor = asDouble(b)
    if (divisor === 0 && (operator === '/' || operator === '%')) return scope.fail(site, 'division by zero')
    return calculateDoubles(operator, asDouble(a), divisor)
  }
  if (left !== right) return scope.fail(site, `cannot ${verbs[operator]} an int and a uint; convert one`)
  const exact = calculateExactly(operator, toBigint(a), toBigint(b))
  if (exact === null) return scope.fail(site, 'division by zero')
  if (left === 'int') return inForm(scope, site, toInt(exact), exact, false)
  return toUint(exact) === null ? scope.fail(site, 'the result does not fit 64 bits') : new Uint(exact)
}

const asDouble = (value: number | bigint | Uint): number => Number(value instanceof Uint ? value.unsigned : value)

function calculateDoubles(operator: ArithmeticOperator, a: number, b: number): number {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  if (operator === '*') return a * b
  return operator === '/' ? a / b : a % b
}

/** null for a division by zero. */
function calculateExactly(operator: ArithmeticOperator, a: bigint, b: bigint): bigint | null {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  if (operator === '*') return a * b
  if (b === 0n) return null
  return operator === '/' ? a / b : a % b
}

function concatenate(scope: Scope, site: Site, a: unknown, b: unknown): unknown {
  if (typeof a === 'string' && typeof b === 'string') {
    const length = a.length + b.length
    return scope.pay(site, length >> 3, length) ? a + b : failed
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const length = a.length + b.length
    return scope.pay(site, length, length * 8) ? [...a, ...b] : failed
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    const length = a.length + b.length
    return scope.pay(site, length >> 3, length) ? new Uint8Array(Buffer.concat([a, b])) : failed
  }
  return scope.fail(site, `cannot add ${kindOf(a)} and ${kindOf(b)}`)
}
