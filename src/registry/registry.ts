/**
 * The schema registry: subjects, their versions, ids, and what may become of them.
 *
 * It promises: a registry never changes; a change makes another one, which shares what stays the same, so that it can be
 * tried before it takes the place of the last; the same schema has the same id in every subject; an id once given names
 * the same schema for ever; a schema runs in linear time of the payload and fetches nothing. It does not know the rules,
 * and writes nothing: `hub/schemas` asks the one and does the other.
 *
 * `registry` is what names and ids lead to; `content` one schema with its id, `entry` its place in a subject; `folder`
 * reads `schemas/`, with `subject-file`; `change` makes the next registry, `deletion` too; `store` keeps what came over the API;
 * `other-registry` asks another one; `infer` drafts a schema from samples; `registry-error` has Confluent's numbers,
 * `wire-format` its bytes; `formats/` holds one file per schema language, `compatibility/` what may follow what.
 */

import type { CompatibilityLevel } from './compatibility/levels.ts'
import type { Content } from './content.ts'
import type { Entry } from './entry.ts'
import type { Mode, Policy } from './policy.ts'
import type { Schema } from './schema.ts'
import { SparkplugSubject, sparkplugSubject } from './sparkplug-subject.ts'
import { frameBytes, readFrame, readGuid, readIndexes } from './wire-format.ts'

/** All there is, as plain data. */
export interface RegistryState {
  /** By subject; versions ascending, softly deleted ones among them. */
  readonly subjects: ReadonlyMap<string, readonly Entry[]>
  readonly policies: ReadonlyMap<string, Policy>
  readonly compatibility: CompatibilityLevel
  /** What `compatibility` is when nobody has set it over the API. */
  readonly configured: CompatibilityLevel
  readonly mode: Mode
  /** The next id that is given where ids are counted; 0 where they come from the content. */
  readonly nextId: number
}

/** A registry of nothing, where `level` holds. */
export const stateAt = (level: CompatibilityLevel): RegistryState => ({
  ...emptyState,
  compatibility: level,
  configured: level,
})

export const emptyState: RegistryState = {
  subjects: new Map(),
  policies: new Map(),
  compatibility: 'BACKWARD',
  configured: 'BACKWARD',
  mode: 'READWRITE',
  nextId: 0,
}

/** What all registries that came from one another share. */
interface Line {
  /** The one in use. Ids are looked up there: a rule need not be compiled anew to read what was registered a moment ago. */
  newest: Registry | null
  /** What was asked for by name, under its subject: what rules lean on. *Shape*: the versions; null for the newest. */
  readonly wanted: Map<string, Set<number | null>>
  /** Told each id that is asked for and not there; answers whether it may soon be. */
  onUnknownId: ((id: number) => boolean) | null
  /** Sparkplug B, which is in every registry, with the births it remembers. */
  sparkplug: SparkplugSubject
}

const newLine = (): Line => ({
  newest: null,
  wanted: new Map(),
  onUnknownId: null,
  sparkplug: new SparkplugSubject(),
})

export class Registry {
  readonly state: RegistryState
  readonly #line: Line
  readonly #byId: ReadonlyMap<number, Entry>
  #byGuid: Map<string, Entry> | null = null

  constructor(state: RegistryState, from: Registry | null = null) {
    this.state = state
    this.#line = from === null ? newLine() : from.#line
    const byId = new Map<number, Entry>()
    for (const entries of state.subjects.values())
      for (const entry of entries) if (byId.get(entry.content.id)?.deleted !== false) byId.set(entry.content.id, entry)
    this.#byId = byId
  }

  /** How many schemas there are, each with its id. */
  get size(): number {
    return this.#byId.size
  }

  /** The same line with other content. */
  with(change: Partial<RegistryState>): Registry {
    return new Registry({ ...this.state, ...change }, this)
  }

  /** From now on, this is the one its line's ids are looked up in. */
  take(): void {
    this.#line.newest = this
  }

  get sparkplug(): SparkplugSubject {
    return this.#line.sparkplug
  }

  /** Takes over what an earlier registry of the same hub remembers of edge nodes. */
  succeed(earlier: Registry): void {
    this.#line.sparkplug = earlier.sparkplug
  }

  /** What rules have asked for by name: versions under their subjects, null for the newest. */
  get wanted(): ReadonlyMap<string, ReadonlySet<number | null>> {
    return this.#line.wanted
  }

  /** `listener` is told ids that are not there, and answers whether they may soon be. */
  onUnknownId(listener: (id: number) => boolean): void {
    this.#line.onUnknownId = listener
  }

  /** All versions of a subject that are not deleted, ascending; null when there is none. */
  subject(name: string): readonly Schema[] | null {
    const schemas = schemasOf(this.live(name))
    return schemas.length === 0 ? null : schemas
  }

  /** A subject's versions, ascending; softly deleted ones left out. */
  live(subject: string): readonly Entry[] {
    return (this.state.subjects.get(subject) ?? []).filter(({ deleted }) => !deleted)
  }

  /** A subject's versions, ascending, softly deleted ones among them. */
  all(subject: string): readonly Entry[] {
    return this.state.subjects.get(subject) ?? []
  }

  /**
   * `telemetry` is its newest version, `telemetry@3` that one; `telemetry#plant.Reading` of Protobuf a message other
   * than the first. A subject whose own name holds such a sign wins.
   */
  resolve(name: string): Schema | null {
    const { subject, version, message } = this.state.subjects.has(name) ? whole(name) : readName(name)
    if (subject === sparkplugSubject && !this.state.subjects.has(subject)) {
      return version === null || version === 1 ? this.sparkplug.want() : null
    }
    const asked = this.#line.wanted.get(subject)
    if (asked === undefined) this.#line.wanted.set(subject, new Set([version]))
    else asked.add(version)
    const entries = this.live(subject)
    const entry = version === null ? entries.at(-1) : entries.find((one) => one.version === version)
    if (entry === undefined) return null
    return message === null ? entry.schema : entry.message(message)
  }

  /**
   * Reads what stands before a payload in Confluent's wire format; null when it is none, or of an unknown id. An id of
   * several subjects is read as that of `subject`, if it is one of these.
   */
  unframe(bytes: Uint8Array, subject?: string): { schema: Schema; offset: number } | null {
    const id = readFrame(bytes)
    const entry = id === null ? null : this.ofId(id, subject)
    return entry === null ? null : framed(entry, bytes, frameBytes)
  }

  /** Whether the id of a frame is not there and may soon be. */
  awaits(bytes: Uint8Array): boolean {
    const id = readFrame(bytes)
    const { onUnknownId } = this.#line
    return id !== null && onUnknownId !== null && this.ofId(id) === null && onUnknownId(id)
  }

  /** The schema a record's header `__value_schema_id` names, by id or by GUID; null when there is none. */
  ofHeader(bytes: Uint8Array, subject?: string): Schema | null {
    if (bytes[0] === 0) return this.unframe(bytes, subject)?.schema ?? null
    const guid = readGuid(bytes)
    const entry = guid === null ? null : this.ofGuid(guid)
    return entry === null ? null : (framed(entry, bytes, 17)?.schema ?? null)
  }

  /** The version an id leads to: of `subject` where it has one, and one that is not deleted where there is one. */
  ofId(id: number, subject?: string): Entry | null {
    const registry = this.#line.newest ?? this
    const entry = registry.#byId.get(id)
    if (entry === undefined || subject === undefined || entry.subject === subject) return entry ?? null
    return registry.all(subject).findLast(({ content }) => content.id === id) ?? entry
  }

  ofGuid(guid: string): Entry | null {
    const registry = this.#line.newest ?? this
    registry.#byGuid ??= new Map([...registry.#byId.values()].map((entry) => [entry.content.guid, entry]))
    return registry.#byGuid.get(guid) ?? null
  }

  /** The schema that was registered with these very words before; null when none was. */
  ofKey(key: string): Content | null {
    for (const { content } of this.#byId.values()) if (content.key === key) return content
    return null
  }

  /** By subject, then version; what is deleted or does not compile is left out. */
  list(): readonly Schema[] {
    return this.names().flatMap((subject) => schemasOf(this.live(subject)))
  }

  /** Subjects that have a version, in order. */
  names(deleted = false): readonly string[] {
    const { subjects } = this.state
    return [...subjects.keys()].filter((name) => (deleted ? this.all(name) : this.live(name)).length > 0).sort()
  }

  /** What new versions of a subject are held to. */
  compatibilityOf(subject: string): CompatibilityLevel {
    return this.state.policies.get(subject)?.compatibility ?? this.state.compatibility
  }

  modeOf(subject: string): Mode {
    return this.state.policies.get(subject)?.mode ?? this.state.mode
  }
}

const schemasOf = (entries: readonly Entry[]): readonly Schema[] =>
  entries.flatMap(({ schema }) => (schema === null ? [] : [schema]))

const whole = (subject: string) => ({ subject, version: null, message: null })

/** `subject@version#message` in its parts. */
function readName(name: string): { subject: string; version: number | null; message: string | null } {
  const [, subject = name, version, message] = /^(.+?)(?:@([1-9]\d{0,8}))?(?:#(.+))?$/s.exec(name) ?? []
  return { subject, version: version === undefined ? null : Number(version), message: message ?? null }
}

function framed(entry: Entry, bytes: Uint8Array, offset: number): { schema: Schema; offset: number } | null {
  if (entry.content.format !== 'protobuf') return entry.schema === null ? null : { schema: entry.schema, offset }
  const read = readIndexes(bytes, offset)
  const schema = read === null ? null : entry.messageAt(read.indexes)
  if (read !== null && schema !== null) return { schema, offset: read.offset }
  // Some clients (kafkajs' among them) leave the indexes out. What is none cannot be told from a payload of theirs.
  return entry.schema === null ? null : { schema: entry.schema, offset }
}
