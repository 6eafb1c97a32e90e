import type { Entry } from './entry.ts'
import type { Registry } from './registry.ts'
import { notPermitted } from './registry-error.ts'

/** The next registry, and what the one who asked for it is told. */
export interface Changed<T> {
  readonly registry: Registry
  readonly answer: T
  /** Subjects whose names now lead elsewhere. */
  readonly touched: readonly string[]
}

/** The versions that refer to one. */
export function findReferrers(registry: Registry, { subject, version }: Entry, deleted: boolean): Entry[] {
  const found: Entry[] = []
  for (const entries of registry.state.subjects.values()) {
    for (const entry of entries) {
      if (entry.deleted && !deleted) continue
      if (entry.content.references.some((one) => one.subject === subject && one.version === version)) found.push(entry)
    }
  }
  return found
}

/** *Errors*: 42205. */
export function refuseReadOnly(registry: Registry, subject: string | null): void {
  const mode = subject === null ? registry.state.mode : registry.modeOf(subject)
  if (mode !== 'READONLY') return
  throw notPermitted(subject === null ? 'The registry is in read-only mode' : `Subject ${subject} is in read-only mode`)
}
