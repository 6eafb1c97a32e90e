import { type Evaluate, type Scope, type Site, spentBudget } from './scope.ts'
import { compareMoments } from './time-value.ts'
import { compareStrings, Duration, equals, failed, isAnyMap, kindOf, readMap, Timestamp, Uint } from './value.ts'

/**
 * `&&` and `||`: the one value that decides (`stop`) decides whatever the other side does, a failure included.
 * *Source*: CEL language definition, "Logical Operators".
 */
export function compileLogic(operator: '&&' | '||', left: Evaluate, right: Evaluate, site: Site): Evaluate {
  const stop = operator === '||'
  const go = !stop
  return (scope) => {
    const a = left(scope)
    if (a === stop) return stop
    if (a === go) {
      const b = right(scope)
      return typeof b === 'boolean' || b === failed ? b : notBool(scope, site, operator, b)
    }
    if (a !== failed) notBool(scope, site, operator, a)
    const { site: failedAt, reason, code } = scope
    if (right(scope) === stop) return stop
    // The left side's reason is the one to tell.
    scope.site = failedAt
    scope.reason = reason
    scope.code = code
    return failed
  }
}

export function compileNot(of: Evaluate, site: Site): Evaluate {
  return (scope) => {
    const value = of(scope)
    if (typeof value === 'boolean') return !value
    return value === failed ? failed : notBool(scope, site, '!', value)
  }
}

export const notBool = (scope: Scope, site: Site, operator: string, value: unknown): typeof failed =>
  scope.fail(site, `\`${operator}\` needs a bool, and got ${kindOf(value)}`)

/** `constant`: the right side, when it is a literal. */
export function compileEquality(
  negate: boolean,
  left: Evaluate,
  right: Evaluate,
  site: Site,
  constant: { value: unknown } | null,
): Evaluate {
  const value = constant?.value
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) {
    return (scope) => {
      const a = left(scope)
      return a === failed ? failed : (a === value) !== negate
    }
  }
  return (scope) => {
    const a = left(scope)
    if (a === failed) return failed
    const b = right(scope)
    if (b === failed) return failed
    const same = equals(a, b, scope)
    return scope.budget < 0 ? scope.fail(site, spentBudget) : same !== negate
  }
}

export type Comparison = '<' | '<=' | '>' | '>='

export function compileComparison(
  operator: Comparison,
  left: Evaluate,
  right: Evaluate,
  site: Site,
  constant: { value: unknown } | null,
): Evaluate {
  const slow = (scope: Scope, a: unknown, b: unknown): unknown => {
    if (a === failed || b === failed) return failed
    const order = compare(scope, a, b)
    if (order === undefined) return scope.fail(site, `cannot compare ${kindOf(a)} with ${kindOf(b)}`)
    if (Number.isNaN(order)) return false
    return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0
  }
  if (typeof constant?.value === 'number') return compareWithNumber(operator, left, constant.value, slow)
  const quick = numberComparisons[operator]
  return (scope) => {
    const a = left(scope)
    if (a === failed) return failed
    const b = right(scope)
    return typeof a === 'number' && typeof b === 'number' ? quick(a, b) : slow(scope, a, b)
  }
}

const numberComparisons: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

type Slow = (scope: Scope, a: unknown, b: unknown) => unknown

/** The commonest term of a filter; one closure per operator, so that each stays a single compare. */
function compareWithNumber(operator: Comparison, left: Evaluate, b: number, slow: Slow): Evaluate {
  switch (operator) {
    case '<':
      return (scope) => {
        const a = left(scope)
        return typeof a === 'number' ? a < b : slow(scope, a, b)
      }
    case '<=':
      return (scope) => {
        const a = left(scope)
        return typeof a === 'number' ? a <= b : slow(scope, a, b)
      }
    case '>':
      return (scope) => {
        const a = left(scope)
        return typeof a === 'number' ? a > b : slow(scope, a, b)
      }
    case '>=':
      return (scope) => {
        const a = left(scope)
        return typeof a === 'number' ? a >= b : slow(scope, a, b)
      }
  }
}

/** Below, at or above zero; NaN when one side is; undefined for values without an order. */
export function compare(scope: Scope, a: unknown, b: unknown): number | undefined {
  if (typeof a === 'string' && typeof b === 'string') {
    scope.spend(Math.min(a.length, b.length) >> 4)
    return compareStrings(a, b)
  }
  if (a instanceof Uint) return compare(scope, a.unsigned, b)
  if (b instanceof Uint) return compare(scope, a, b.unsigned)
  if ((typeof a === 'number' || typeof a === 'bigint') && (typeof b === 'number' || typeof b === 'bigint')) {
    return a < b ? -1 : a > b ? 1 : Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : 0
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Timestamp && b instanceof Timestamp) return compareMoments(a, b)
  if (a instanceof Duration && b instanceof Duration) return compareMoments(a, b)
  return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) : undefined
}

/** `x in list`, `name in object`. */
export function compileIn(left: Evaluate, right: Evaluate, site: Site): Evaluate {
  return (scope) => {
    const wanted = left(scope)
    if (wanted === failed) return failed
    const container = right(scope)
    if (container === failed) return failed
    if (Array.isArray(container)) {
      const found = scope.spend(container.length >> 1) && container.some((item) => equals(item, wanted, scope))
      return scope.budget < 0 ? scope.fail(site, spentBudget) : found
    }
    if (!isAnyMap(container))
      return scope.fail(site, `\`in\` needs a list or an object on its right, and got ${kindOf(container)}`)
    return readMap(container, wanted) !== undefined
  }
}
