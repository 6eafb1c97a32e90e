import { type Scope, type Site, spentBudget } from '../scope.ts'
import type { Family, Type } from '../type.ts'
import { Duration, type failed, isAnyMap, Timestamp } from '../value.ts'

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
export const aTimestamp: Accepts = {
  families: ['timestamp'],
  test: (value) => value instanceof Timestamp,
  phrase: 'a timestamp',
}
export const aDuration: Accepts = {
  families: ['duration'],
  test: (value) => value instanceof Duration,
  phrase: 'a duration',
}
export const sized: Accepts = {
  families: ['string', 'list', 'map', 'bytes'],
  test: (value) => typeof value === 'string' || Array.isArray(value) || isBytes(value) || isAnyMap(value),
  phrase: 'a string, a list, an object or bytes',
}

/** What any of several arguments may be. */
export const either = (phrase: string, ...some: readonly Accepts[]): Accepts => ({
  families: some.flatMap(({ families }) => families),
  test: (value) => some.some(({ test }) => test(value)),
  phrase,
})

export const stringOrBytes: Accepts = either('a string or bytes', aString, someBytes)

/**
 * The body of a function: arguments as accepted, the receiver first; absent optional ones are undefined. It answers
 * a value, or `scope.fail(site, why)`. What costs more than a handful of steps must ask `scope.spend` first.
 */
export type Run = (scope: Scope, site: Site, a: never, b: never, c: never, d: never) => unknown

/** An argument that can be seen to be wrong at load. *Shape*: `at` counts the receiver, where there is one. */
export interface ConstantFault {
  readonly at: number
  readonly message: string
  readonly suggestion?: string | undefined
}

/** Judges the arguments that are literals; the others are undefined. */
export type Prove = (constants: readonly unknown[]) => ConstantFault | null

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
  /** What it gives, for people. */
  readonly summary: string
  /** An expression that is true. */
  readonly example: string
  readonly prove: Prove | null
  /** It reads the message beside its arguments, so that its value is never one of the topic alone. */
  readonly ofMessage: boolean
  /** Arguments come in the form of no static type (value.ts), so that ints can be told from doubles; by their types. */
  readonly dynamic: boolean | ((args: readonly Type[]) => boolean)
  readonly run: Run
}

interface Extras {
  readonly optional?: number
  readonly variadic?: boolean
  readonly prove?: Prove
  readonly ofMessage?: boolean
  readonly dynamic?: FunctionRow['dynamic']
}

const row = (
  name: string,
  receiver: Accepts | null,
  args: readonly Accepts[],
  result: FunctionRow['result'],
  [summary, example]: readonly [summary: string, example: string],
  run: Run,
  { optional = 0, variadic = false, ofMessage = false, dynamic = false, prove }: Extras = {},
): FunctionRow => ({
  name,
  receiver,
  args,
  optional,
  variadic,
  result,
  summary,
  example,
  prove: prove ?? null,
  ofMessage,
  dynamic,
  run: typeof result === 'function' || makes.has(result.kind) ? measured(run) : run,
})

/** Kinds of values that take room. */
const makes: ReadonlySet<Type['kind']> = new Set(['string', 'bytes', 'list', 'map', 'dyn', 'optional'])

/** The body, with what it makes taken off the room there is; the steps it spends have kept that within bounds. */
const measured =
  (run: Run): Run =>
  (scope, site, a, b, c, d) => {
    // What is made costs some, however small it is.
    if (!scope.spend(2)) return overspent(scope, site)
    const value = run(scope, site, a, b, c, d)
    const bytes =
      typeof value === 'string' || value instanceof Uint8Array
        ? value.length
        : Array.isArray(value)
          ? 8 * value.length
          : 0
    return bytes === 0 || scope.allocate(bytes) ? value : overspent(scope, site)
  }

/** `text.startsWith(prefix)` */
export const method: (
  name: string,
  receiver: Accepts,
  args: readonly Accepts[],
  result: FunctionRow['result'],
  doc: readonly [summary: string, example: string],
  run: Run,
  extras?: Extras,
) => FunctionRow = row

/** `size(x)`, `math.abs(x)` */
export const plain = (
  name: string,
  args: readonly Accepts[],
  result: FunctionRow['result'],
  doc: readonly [summary: string, example: string],
  run: Run,
  extras?: Extras,
): FunctionRow => row(name, null, args, result, doc, run, extras)

export { spentBudget }

/** Makes a value when the budget allows for that many steps. */
export const afford = (scope: Scope, site: Site, steps: number, make: () => unknown): unknown =>
  scope.spend(steps) ? make() : scope.fail(site, spentBudget)

/** The budget is spent. */
export const overspent = (scope: Scope, site: Site): typeof failed => scope.fail(site, spentBudget)

/** A text as a message quotes it. */
export const brief = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** A text or bytes as bytes. */
export const bytesOf = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : value
