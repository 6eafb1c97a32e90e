import {
  asMap,
  comparable,
  double,
  duration,
  dyn,
  familyOf,
  joinTypes,
  listOf,
  nothing,
  number,
  printType,
  type Type,
  timestamp,
} from './type.ts'

/** Why an operator cannot be put between two types; null when it can, as far as types tell. */
export function binaryFault(operator: string, left: Type, right: Type): string | null {
  const misfit = (why: string): string => `\`${operator}\` between ${printType(left)} and ${printType(right)}: ${why}`
  switch (operator) {
    case '==':
    case '!=':
      return comparable(left, right) ? null : misfit('never equal')
    case 'in':
      return membershipFault(left, right, misfit)
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ordered(left, right) ? null : misfit('without an order')
    default:
      if (arithmeticType(operator, left, right) !== null) return null
      if (left.kind === 'uint' || right.kind === 'uint') {
        return `\`${operator}\` does not fit ${printType(left)} and ${printType(right)}; convert one with int() or uint()`
      }
      return `\`${operator}\` does not fit ${printType(left)} and ${printType(right)}`
  }
}

function membershipFault(left: Type, right: Type, misfit: (why: string) => string): string | null {
  const container = familyOf(right)
  if (container === 'any') return null
  if (container !== 'list' && container !== 'map') {
    return `\`in\` needs a list or an object on its right, not ${printType(right)}`
  }
  const inside = right.kind === 'list' ? right.of : asMap(right).key
  // Ints and uints side by side say that kinds are mixed on purpose.
  return inside.kind === 'number' || comparable(left, inside) ? null : misfit('never found')
}

const unordered = new Set(['list', 'map', 'null', 'optional', 'type'])

function ordered(left: Type, right: Type): boolean {
  const a = familyOf(left)
  const b = familyOf(right)
  return !unordered.has(a) && !unordered.has(b) && (a === b || a === 'any' || b === 'any')
}

/** The type of a calculation; null where none is defined, and for operators that do not calculate. */
export function arithmeticType(operator: string, left: Type, right: Type): Type | null {
  if (!'+-*/%'.includes(operator)) return null
  const a = familyOf(left)
  const b = familyOf(right)
  if (a === 'any' && b === 'any') return operator === '+' || operator === '-' ? dyn : number
  const family = a === 'any' ? b : a
  if ((operator === '+' || operator === '-') && (isTime(a) || isTime(b))) return timeType(operator, a, b)
  if (a !== b && a !== 'any' && b !== 'any') return null
  if (family === 'number') return numberType(left, right)
  if (operator !== '+') return null
  if (family === 'string' || family === 'bytes') return a === 'any' ? right : left
  return family === 'list' ? joinTypes(asList(left), asList(right)) : null
}

const asList = (type: Type): Type => (type.kind === 'list' ? type : listOf(type === nothing ? nothing : dyn))

const isTime = (family: string): boolean => family === 'timestamp' || family === 'duration'

/** JSON's numbers and doubles take integers of both kinds; ints and uints do not mix. */
function numberType(left: Type, right: Type): Type | null {
  if (left.kind === right.kind) return left
  const kinds = [left.kind, right.kind]
  if (kinds.includes('double')) return double
  return kinds.includes('int') && kinds.includes('uint') ? null : number
}

function timeType(operator: string, a: string, b: string): Type | null {
  if (operator === '+') {
    if (a === 'timestamp') return b === 'duration' || b === 'any' ? timestamp : null
    if (b === 'timestamp') return a === 'duration' || a === 'any' ? timestamp : null
    return a === b ? duration : a === 'any' || b === 'any' ? dyn : null
  }
  if (b === 'timestamp') return a === 'timestamp' || a === 'any' ? duration : null
  if (b === 'duration') return a === 'timestamp' ? timestamp : a === 'duration' ? duration : a === 'any' ? dyn : null
  return b === 'any' ? (a === 'timestamp' ? dyn : duration) : null
}
