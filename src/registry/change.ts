import type { TrestleError } from '../contract/error.ts'
import { type Changed, findReferrers, refuseReadOnly } from './changed.ts'
import { Content, isFaults, type SchemaText } from './content.ts'
import { Entry } from './entry.ts'
import type { ReferencedSchema } from './formats/format.ts'
import { formats } from './formats/formats.ts'
import { textOfDescriptor } from './formats/protobuf/descriptor-text.ts'
import type { Policy } from './policy.ts'
import { emptyState, type Registry } from './registry.ts'
import {
  invalidSchema,
  invalidSubject,
  notPermitted,
  registryError,
  schemaNotFound,
  subjectNotFound,
  versionNotFound,
} from './registry-error.ts'
import type { SchemaFormat } from './schema.ts'
import { sparkplugSubject } from './sparkplug-subject.ts'
import { findBreach } from './verdict.ts'

/** A schema that is to become a version of a subject. */
export interface Registration {
  readonly subject: string
  readonly schema: SchemaText
  /** In Confluent's normal form. */
  readonly normalize: boolean
  /** Of a subject in mode IMPORT: the id it has elsewhere. */
  readonly id: number | null
  /** Of a subject in mode IMPORT: the version; elsewhere the next one, if any. */
  readonly version: number | null
}

/** Longest name of a subject. */
const maxSubjectLength = 255
/** Schemas in all: what is registered is held in memory. */
const maxSchemas = 100_000
/** Largest id, as the wire format and clients have it. */
const maxId = 0x7fffffff

/** Adds a version, unless the same schema is one already. *Errors*: 42201, 42205, 42208, 409 (E304). */
export function register(registry: Registry, registration: Registration): Changed<Entry> {
  const { subject, version, id } = registration
  refuseName(subject)
  refuseReadOnly(registry, subject)
  const importing = registry.modeOf(subject) === 'IMPORT'
  if (importing !== (id !== null)) {
    throw notPermitted(importing ? `Subject ${subject} is in import mode` : `Subject ${subject} is not in import mode`)
  }
  const content = prepare(registry, registration.schema, registration.normalize)
  const live = registry.live(subject)
  const same = live.find((entry) => entry.content.key === content.key)
  if (same !== undefined && (version === null || version === same.version)) {
    if (id !== null && id !== same.content.id)
      throw registryError(42207, `Schema already registered with id ${same.content.id} instead of input id ${id}`)
    return { registry, answer: same, touched: [] }
  }
  if (!importing) {
    const level = registry.compatibilityOf(subject)
    const breach = findBreach(level, content, live)
    if (breach !== null) throw incompatible(subject, breach.messages)
  }
  return add(registry, registration, content)
}

/** What registering would make, whatever the mode and the earlier versions say: for a trial. *Errors*: 42201. */
export function draftVersion(
  registry: Registry,
  subject: string,
  schema: SchemaText,
  normalize: boolean,
): Changed<Entry> {
  const content = prepare(registry, schema, normalize)
  const same = registry.live(subject).find((entry) => entry.content.key === content.key)
  if (same !== undefined) return { registry, answer: same, touched: [] }
  return add(registry, { subject, schema, normalize, id: null, version: null }, content)
}

function add(registry: Registry, { subject, version, id }: Registration, content: Content): Changed<Entry> {
  const all = registry.all(subject)
  const next = (all.at(-1)?.version ?? 0) + 1
  const number = version ?? next
  if (id === null && number !== next) throw invalidSchema('Version is not one more than previous version')
  if (all.some((entry) => entry.version === number))
    throw notPermitted(`Overwrite new schema with version ${number} is not permitted.`)
  const known = registry.ofKey(content.key)
  const given = id ?? known?.id ?? freeId(registry)
  const other = registry.ofId(given)
  if (other !== null && other.content.key !== content.key)
    throw notPermitted(`Overwrite new schema with id ${given} is not permitted.`)
  if (given > maxId) throw notPermitted('all ids are given')
  if (other === null && registry.size >= maxSchemas)
    throw notPermitted(`This registry holds ${maxSchemas} schemas, which is all it takes.`)
  const numbered = known !== null && known.id === given ? known : content.numbered(given)
  const entry = new Entry({ subject, version: number, content: numbered, deleted: false, file: null })
  const kept = all.filter((one) => !isReplaced(registry, one, entry))
  const entries = [...kept, entry].sort((a, b) => a.version - b.version)
  const subjects = new Map(registry.state.subjects).set(subject, entries)
  // Ids that came with files are made of their content, and lie anywhere: counting does not go on behind them.
  const nextId = id === null && known !== null ? registry.state.nextId : Math.max(registry.state.nextId, given + 1)
  return { registry: registry.with({ subjects, nextId }), answer: entry, touched: [subject] }
}

/** The next id that is nobody's. */
function freeId(registry: Registry): number {
  let id = registry.state.nextId
  while (registry.ofId(id) !== null) id++
  return id
}

/** Registered anew after it was softly deleted: the older version goes for good, unless something refers to it. */
const isReplaced = (registry: Registry, one: Entry, by: Entry): boolean =>
  one.deleted &&
  one.content.key === by.content.key &&
  one.version < by.version &&
  findReferrers(registry, one, true).length === 0

/** The version under which a subject has a schema. *Errors*: 40401, 40403, 42201. */
export function lookUp(
  registry: Registry,
  subject: string,
  schema: SchemaText,
  options: { readonly normalize: boolean; readonly deleted: boolean },
): Entry {
  const entries = options.deleted ? registry.all(subject) : registry.live(subject)
  if (entries.length === 0) throw subjectNotFound(subject)
  const { key } = identify(registry, schema, options.normalize)
  const found = entries.findLast(({ content }) => content.key === key)
  if (found === undefined) throw schemaNotFound()
  return found
}

/**
 * What stands against a schema as the next version of a subject, or (`version`) beside one version, as messages; empty
 * when nothing does. *Errors*: 40402, 42201.
 */
export function testCompatibility(
  registry: Registry,
  subject: string,
  schema: SchemaText,
  options: { readonly normalize: boolean; readonly version: number | 'latest' | null },
): readonly string[] {
  const live = registry.live(subject)
  const { version } = options
  const one = version === 'latest' ? live.at(-1) : live.find((entry) => entry.version === version)
  if (typeof version === 'number' && one === undefined) throw versionNotFound(version)
  const earlier = version === null ? live : one === undefined ? [] : [one]
  const content = prepare(registry, schema, options.normalize)
  return findBreach(registry.compatibilityOf(subject), content, earlier)?.messages ?? []
}

/** A schema with all it refers to, without an id yet, and not compiled. *Errors*: 42201. */
export function identify(registry: Registry, schema: SchemaText, normalize: boolean): Content {
  const format = formats.get(schema.format)
  if (format === undefined) throw invalidSchema(`Invalid schema type ${schemaType(schema.format)}`)
  const references = schema.references.map((reference) => ({
    ...reference,
    version: reference.version === -1 ? (registry.live(reference.subject).at(-1)?.version ?? -1) : reference.version,
  }))
  const referenced = references.map(({ name, subject, version }): ReferencedSchema => {
    const found = registry.live(subject).find((entry) => entry.version === version)
    if (found === undefined)
      throw invalidSchema(`No schema reference found for subject "${subject}" and version ${version}`)
    return { name, text: found.content.text, references: found.content.referenced }
  })
  const given = (schema.format === 'protobuf' ? textOfDescriptor(schema.text) : null) ?? schema.text
  const text = normalize ? format.normalize(given, referenced) : given
  return new Content(0, { ...schema, text, references }, referenced)
}

/** The same, compiled. *Errors*: 42201. */
function prepare(registry: Registry, schema: SchemaText, normalize: boolean): Content {
  const content = identify(registry, schema, normalize)
  const { compiled } = content
  if (!isFaults(compiled)) return content
  const [fault] = compiled
  const place = fault?.line === undefined ? placeOf(fault?.path ?? []) : ` (line ${fault.line})`
  throw invalidSchema(`Invalid schema of type ${schemaType(schema.format)}, details: ${fault?.message}${place}`)
}

/** The version of a subject that has just this schema; null when there is none. *Errors*: 42201. */
export function findSame(registry: Registry, { subject, version }: Registration, content: Content): Entry | null {
  const same = registry.live(subject).find(({ content: one }) => one.key === content.key)
  return same === undefined || (version !== null && version !== same.version) ? null : same
}

const placeOf = (path: readonly (string | number)[]): string => (path.length === 0 ? '' : ` (at /${path.join('/')})`)

/** As Confluent's API names the languages. */
export const schemaType = (format: SchemaFormat): string => (format === 'json-schema' ? 'JSON' : format.toUpperCase())

/** null when it names none. */
export const formatOfType = (type: string): SchemaFormat | null =>
  type === 'JSON' ? 'json-schema' : type === 'AVRO' ? 'avro' : type === 'PROTOBUF' ? 'protobuf' : null

export const incompatible = (subject: string, messages: readonly string[]): TrestleError =>
  registryError(
    409,
    `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${messages.join(', ')}]`,
  )

/** Sets (null: takes away) what holds for a subject, or for all (`subject` null). *Errors*: 42205, 42208. */
export function setPolicy(registry: Registry, subject: string | null, change: Partial<Policy>): Changed<null> {
  if (subject !== null) refuseName(subject)
  if (change.mode === undefined) refuseReadOnly(registry, subject)
  if (subject === null) {
    const { compatibility, mode, configured } = registry.state
    const next = {
      compatibility: change.compatibility === undefined ? compatibility : (change.compatibility ?? configured),
      mode: change.mode === undefined ? mode : (change.mode ?? emptyState.mode),
    }
    return { registry: registry.with(next), answer: null, touched: [] }
  }
  const policies = new Map(registry.state.policies)
  const next = { compatibility: null, mode: null, ...policies.get(subject), ...change }
  if (next.compatibility === null && next.mode === null) policies.delete(subject)
  else policies.set(subject, next)
  return { registry: registry.with({ policies }), answer: null, touched: [] }
}

function refuseName(subject: string): void {
  // A name in a context (`:.context:subject`) would need contexts, which there are none of.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (subject === '' || subject.length > maxSubjectLength || /[\x00-\x1f\x7f]|^:\./.test(subject))
    throw invalidSubject(subject)
  // Rules find Sparkplug B there.
  if (subject === sparkplugSubject) throw invalidSubject(subject)
}
