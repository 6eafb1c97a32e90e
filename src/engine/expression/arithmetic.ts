import { spentBudget } from './functions/row.ts'
import type { Evaluate, Scope, Site } from './scope.ts'
import { failed, kindOf, toInt } from './value.ts'

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'

/**
 * Arithmetic over JSON numbers and integers. Where the checker knows both sides to be `int`, division is that of
 * integers and a result beyond 64 bits fails; everywhere else numbers are doubles, and integer literals mix freely.
 * Division by zero fails, whatever the types: JSON has no infinity to show for it.
 */
export function compileArithmetic(
  operator: ArithmeticOperator,
  left: Evaluate,
  right: Evaluate,
  site: Site,
  ints: { left: boolean; right: boolean },
): Evaluate {
  const slow = (scope: Scope, a: unknown, b: unknown): unknown =>
    a === failed || b === failed ? failed : calculate(scope, site, operator, a, b, ints)
  if (ints.left && ints.right) return (scope) => both(scope, left, right, slow)
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

export function compileNegation(of: Evaluate, site: Site): Evaluate {
  return (scope) => {
    const value = of(scope)
    if (typeof value === 'number') return -value
    if (value === failed) return failed
    if (typeof value !== 'bigint') return scope.fail(site, `cannot negate ${kindOf(value)}`)
    return toInt(-value) ?? scope.fail(site, 'the result does not fit 64 bits')
  }
}

const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'

const verbs: Readonly<Record<ArithmeticOperator, string>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'take the remainder of',
}

function calculate(
  scope: Scope,
  site: Site,
  operator: ArithmeticOperator,
  a: unknown,
  b: unknown,
  ints: { left: boolean; right: boolean },
): unknown {
  if (isNumber(a) && isNumber(b)) {
    if ((operator === '/' || operator === '%') && Number(b) === 0) return scope.fail(site, 'division by zero')
    // A bigint is an integer; a number is one only where the checker says so.
    const exact = (typeof a === 'bigint' || ints.left) && (typeof b === 'bigint' || ints.right)
    return exact ? calculateInts(scope, site, operator, a, b) : calculateDoubles(operator, Number(a), Number(b))
  }
  if (operator === '+') return concatenate(scope, site, a, b)
  return scope.fail(site, `cannot ${verbs[operator]} ${kindOf(a)} and ${kindOf(b)}`)
}

function calculateDoubles(operator: ArithmeticOperator, a: number, b: number): number {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  if (operator === '*') return a * b
  return operator === '/' ? a / b : a % b
}

function calculateInts(
  scope: Scope,
  site: Site,
  operator: ArithmeticOperator,
  a: number | bigint,
  b: number | bigint,
): unknown {
  if (typeof a === 'number' && typeof b === 'number') {
    // (a - a % b) / b is exact where a / b may round up to the next integer.
    const quick = operator === '/' ? (a - (a % b)) / b : calculateDoubles(operator, a, b)
    if (Number.isSafeInteger(quick)) return quick + 0
  }
  const left = BigInt(a)
  const right = BigInt(b)
  const result = toInt(
    operator === '+'
      ? left + right
      : operator === '-'
        ? left - right
        : operator === '*'
          ? left * right
          : operator === '/'
            ? left / right
            : left % right,
  )
  return result ?? scope.fail(site, 'the result does not fit 64 bits')
}

function concatenate(scope: Scope, site: Site, a: unknown, b: unknown): unknown {
  if (typeof a === 'string' && typeof b === 'string') {
    return scope.spend((a.length + b.length) >> 3) ? a + b : scope.fail(site, spentBudget)
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return scope.spend(a.length + b.length) ? [...a, ...b] : scope.fail(site, spentBudget)
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return scope.spend((a.length + b.length) >> 3)
      ? new Uint8Array(Buffer.concat([a, b]))
      : scope.fail(site, spentBudget)
  }
  return scope.fail(site, `cannot add ${kindOf(a)} and ${kindOf(b)}`)
}
