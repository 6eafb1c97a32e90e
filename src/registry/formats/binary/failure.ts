import type { SchemaFault } from '../../schema.ts'

/**
 * Why a payload could not be read or written. There is one, because payloads are read and written one at a time and
 * each failure is asked for at once: those who fail say so here and return `false` or `unread`; on the way out each
 * container adds its step. So a payload that fits pays nothing.
 */
export const failure = {
  message: '',
  keyword: '',
  /** Innermost first. */
  steps: [] as (string | number)[],
}

/** What a reader gives back when it cannot read. */
export const unread: unique symbol = Symbol('unread')

/** Begins a failure. *Shape*: always false, for writers to return. */
export function fail(keyword: string, message: string): false {
  failure.keyword = keyword
  failure.message = message
  failure.steps.length = 0
  return false
}

/** Begins a failure of a reader. */
export function failRead(keyword: string, message: string): typeof unread {
  fail(keyword, message)
  return unread
}

/** Adds the step that led to the failing value. *Shape*: always false. */
export function failIn(step: string | number): false {
  // Deep enough to find it; hostile payloads nest further.
  if (failure.steps.length < 1_000) failure.steps.push(step)
  return false
}

/** As `failIn`, for readers. */
export function unreadIn(step: string | number): typeof unread {
  failIn(step)
  return unread
}

/** The failure as the rest of the hub knows it. */
export function failureAsFault(): SchemaFault {
  const steps = failure.steps.toReversed().map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
  return { path: steps.join(''), message: failure.message, keyword: failure.keyword }
}

/** A value as the failure names it: its kind, and itself where it is short. */
export function told(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return value.length > 40 ? 'a text' : JSON.stringify(value)
  return String(value)
}
