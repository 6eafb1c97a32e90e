import type { Scope, Site } from '../scope.ts'
import type { Family, Type } from '../type.ts'
import { isMap } from '../value.ts'

/** What an argument must be; checked against static types at load and against values at run time. */
export interface Accepts {
  readonly families: readonly Family[]
  readonly test: (value: unknown) => boolean
  /** For messages: `expected a string`. */
  readonly phrase: string
}

const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint'
const isBytes = (value: unknown): boolean => value instanceof Uint8Array

export const anything: Accepts = { families: ['any'], test: () => true, phrase: 'a value' }
export const aString: Accepts = { families: ['string'], test: (value) => typeof value === 'string', phrase: 'a string' }
export const aNumber: Accepts = { families: ['number'], test: isNumber, phrase: 'a number' }
export const anInteger: Accepts = {
  families: ['number'],
  test: (value) => Number.isSafeInteger(value),
  phrase: 'a whole number',
}
export const aList: Accepts = { families: ['list'], test: Array.isArray, phrase: 'a list' }
export const someBytes: Accepts = { families: ['bytes'], test: isBytes, phrase: 'bytes' }
export const sized: Accepts = {
  families: ['string', 'list', 'map', 'bytes'],
  test: (value) => typeof value === 'string' || Array.isArray(value) || isBytes(value) || isMap(value),
  phrase: 'a string, a list, an object or bytes',
}

/**
 * The body of a function: arguments as accepted, the receiver first; absent optional ones are undefined. It answers
 * a value, or `scope.fail(site, why)`. What costs more than a handful of steps must ask `scope.spend` first.
 */
export type Run = (scope: Scope, site: Site, a: never, b: never, c: never, d: never) => unknown

/** One function of the language. */
export interface FunctionRow {
  /** `startsWith`, or with its namespace `math.abs`. */
  readonly name: string
  /** What stands before the dot of a method; null for `size(x)` and for functions of a namespace. */
  readonly receiver: Accepts | null
  readonly args: readonly Accepts[]
  /** How many of `args` may be left out, from the last. */
  readonly optional: number
  /** Takes any number of arguments like the last one, which reach the body as one list. */
  readonly variadic: boolean
  /** From the types of all arguments, the receiver's first. */
  readonly result: Type | ((args: readonly Type[]) => Type)
  readonly run: Run
}

type Result = FunctionRow['result']

/** `text.startsWith(prefix)` */
export const method = (
  name: string,
  receiver: Accepts,
  args: Accepts[],
  result: Result,
  run: Run,
  optional = 0,
): FunctionRow => ({
  name,
  receiver,
  args,
  optional,
  variadic: false,
  result,
  run,
})

/** `size(x)`, `math.abs(x)` */
export const plain = (name: string, args: Accepts[], result: Result, run: Run): FunctionRow => ({
  name,
  receiver: null,
  args,
  optional: 0,
  variadic: false,
  result,
  run,
})

export const spentBudget = 'the expression takes too many steps on this message'
