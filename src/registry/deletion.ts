import { type Changed, findReferrers, refuseReadOnly } from './changed.ts'
import type { Entry } from './entry.ts'
import type { Registry } from './registry.ts'
import {
  referenceExists,
  subjectNotDeleted,
  subjectNotFound,
  subjectWasDeleted,
  versionNotDeleted,
  versionNotFound,
  versionWasDeleted,
} from './registry-error.ts'

/**
 * Deletes a version: first softly, so that names no longer lead to it but its id does; then, `permanent`, for good.
 * *Errors*: 40401, 40402, 40406, 40407, 42205, 42206.
 */
export function deleteVersion(
  registry: Registry,
  subject: string,
  version: number | 'latest',
  permanent: boolean,
): Changed<number> {
  const all = registry.all(subject)
  const live = registry.live(subject)
  if (all.length === 0 || (!permanent && live.length === 0 && version === 'latest')) throw subjectNotFound(subject)
  const last = permanent ? all.at(-1) : live.at(-1)
  const entry = version === 'latest' ? last : all.find((one) => one.version === version)
  if (entry === undefined) throw versionNotFound(version)
  if (entry.deleted && !permanent) throw versionWasDeleted(subject, entry.version)
  refuseReadOnly(registry, subject)
  if (findReferrers(registry, entry, permanent).length > 0) throw referenceExists(subject, entry.version)
  if (permanent && !entry.deleted) throw versionNotDeleted(subject, entry.version)
  const next = permanent
    ? all.filter((one) => one !== entry)
    : all.map((one) => (one === entry ? one.marked(true) : one))
  return { registry: withEntries(registry, subject, next), answer: entry.version, touched: [subject] }
}

/** Deletes a subject with all its versions. *Errors*: 40401, 40404, 40405, 42205, 42206. */
export function deleteSubject(registry: Registry, subject: string, permanent: boolean): Changed<readonly number[]> {
  const all = registry.all(subject)
  const live = registry.live(subject)
  if (all.length === 0) throw subjectNotFound(subject)
  if (!permanent && live.length === 0) throw subjectWasDeleted(subject)
  refuseReadOnly(registry, subject)
  const gone = permanent ? all : live
  for (const entry of gone) {
    const others = findReferrers(registry, entry, permanent).filter((one) => one.subject !== subject)
    if (others.length > 0) throw referenceExists(subject, entry.version)
    if (permanent && !entry.deleted) throw subjectNotDeleted(subject)
  }
  const next = permanent ? [] : all.map((one) => (one.deleted ? one : one.marked(true)))
  return {
    registry: withEntries(registry, subject, next),
    answer: gone.map(({ version }) => version),
    touched: [subject],
  }
}

/** A subject without versions is none, and takes what held for it along. */
function withEntries(registry: Registry, subject: string, entries: readonly Entry[]): Registry {
  const subjects = new Map(registry.state.subjects)
  if (entries.length > 0) return registry.with({ subjects: subjects.set(subject, entries) })
  const policies = new Map(registry.state.policies)
  subjects.delete(subject)
  policies.delete(subject)
  return registry.with({ subjects, policies })
}
