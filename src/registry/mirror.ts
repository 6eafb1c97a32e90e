import type { Changed } from './changed.ts'
import { Content } from './content.ts'
import { Entry } from './entry.ts'
import type { ReferencedSchema } from './formats/format.ts'
import type { Fetched } from './other-registry.ts'
import type { Registry, RegistryState } from './registry.ts'

/**
 * Adds versions of another registry, under the names and ids they have there; what refers to others stands behind
 * these. `hidden`: no name shall lead to them, only their ids. What is there already stays, unless it was hidden.
 */
export function mirror(registry: Registry, fetched: readonly Fetched[], hidden = false): Changed<null> {
  const subjects = new Map(registry.state.subjects)
  const nextId = fetched.reduce((next, { id }) => Math.max(next, id + 1), registry.state.nextId)
  const touched = new Set<string>()
  for (const one of fetched) {
    const entries = subjects.get(one.subject) ?? []
    const deleted = hidden || one.deleted
    const known = entries.find(({ version }) => version === one.version)
    if (known !== undefined && (deleted || !known.deleted)) continue
    const content = known?.content ?? contentOf(registry, subjects, one)
    const entry = new Entry({ subject: one.subject, version: one.version, content, deleted, file: null })
    const next = [...entries.filter((other) => other !== known), entry].sort((a, b) => a.version - b.version)
    subjects.set(one.subject, next)
    if (!deleted) touched.add(one.subject)
  }
  const isSame =
    subjects.size === registry.state.subjects.size &&
    [...subjects].every(([name, entries]) => registry.all(name) === entries)
  return { registry: isSame ? registry : registry.with({ subjects, nextId }), answer: null, touched: [...touched] }
}

function contentOf(registry: Registry, subjects: RegistryState['subjects'], { id, schema }: Fetched): Content {
  const known = registry.ofId(id)
  if (known !== null && known.content.text === schema.text) return known.content
  const referenced = schema.references.flatMap(({ name, subject, version }): ReferencedSchema[] => {
    const entries = subjects.get(subject) ?? []
    const target = version === -1 ? entries.at(-1) : entries.find((entry) => entry.version === version)
    return target === undefined ? [] : [{ name, text: target.content.text, references: target.content.referenced }]
  })
  return new Content(id, schema, referenced)
}
