import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fault } from '../document/fault.ts'
import type { CompatibilityLevel } from './compatibility/levels.ts'
import { Content, type SchemaText } from './content.ts'
import { Entry } from './entry.ts'
import { atStart } from './folder.ts'
import type { ReferencedSchema } from './formats/format.ts'
import { formats } from './formats/formats.ts'
import { type Mode, type Policy, readLevel, readMode } from './policy.ts'
import { emptyState, Registry, type RegistryState, stateAt } from './registry.ts'
import { registryError } from './registry-error.ts'
import type { SchemaFormat } from './schema.ts'

/**
 * A registry on disk: one file per schema, named by its id and never written twice, and `registry.json`, which says what
 * stands where. A change is there whole or not at all: schemas first, then the index, each written beside, synced and
 * renamed, the folder synced too. What a crash left beside the index is of no subject and is overwritten.
 */
export class RegistryStore {
  readonly #folder: string
  /** What the configuration says of subjects that say nothing. */
  readonly #compatibility: CompatibilityLevel
  /** Ids whose file is written. */
  readonly #written = new Set<number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(folder: string, compatibility: CompatibilityLevel = emptyState.compatibility) {
    this.#folder = folder
    this.#compatibility = compatibility
  }

  /** What was kept; an empty registry (`isNew`) where nothing ever was. *Errors*: as faults, E301. */
  load(): { registry: Registry; faults: Fault[]; isNew: boolean } {
    const empty = new Registry({ ...stateAt(this.#compatibility), nextId: 1 })
    const file = join(this.#folder, indexName)
    const text = readIfThere(file)
    if (text === null) return { registry: empty, faults: [], isNew: true }
    try {
      const index = JSON.parse(text) as Index
      if (index.format !== indexFormat)
        throw new Error(`it is of format ${index.format}, and this hub knows ${indexFormat}`)
      return { registry: new Registry(this.#stateOf(index)), faults: [], isNew: false }
    } catch (thrown) {
      const message = `the registry cannot be read: ${(thrown as Error).message}`
      return { registry: empty, faults: [atStart(file, message)], isNew: false }
    }
  }

  /** One at a time. *Errors*: 50001 (E501); what was kept before is kept still. */
  save(registry: Registry): Promise<void> {
    const done = this.#turn.then(() => this.#save(registry))
    this.#turn = done.catch(() => null)
    return done
  }

  async #save({ state }: Registry): Promise<void> {
    try {
      mkdirSync(this.#folder, { recursive: true })
      const contents = new Map([...state.subjects.values()].flat().map(({ content }) => [content.id, content]))
      const fresh = [...contents.values()].filter(({ id }) => !this.#written.has(id))
      for (const content of fresh) await writeWhole(this.#folder, fileOf(content), content.text)
      if (fresh.length > 0) await syncFolder(this.#folder)
      await writeWhole(this.#folder, indexName, `${JSON.stringify(this.#indexOf(state), null, 1)}\n`)
      await syncFolder(this.#folder)
      for (const id of contents.keys()) this.#written.add(id)
      await this.#forget(contents)
    } catch (cause) {
      throw registryError(50001, `the registry cannot be written: ${(cause as Error).message}`, { cause })
    }
  }

  /** Removes the files of schemas that were deleted for good. */
  async #forget(contents: ReadonlyMap<number, Content>): Promise<void> {
    const gone = [...this.#written].filter((id) => !contents.has(id))
    if (gone.length === 0) return
    for (const name of readdirSync(this.#folder)) {
      const id = Number(/^(\d+)\./.exec(name)?.[1] ?? Number.NaN)
      if (gone.includes(id)) await rm(join(this.#folder, name), { force: true })
    }
    for (const id of gone) this.#written.delete(id)
  }

  #indexOf(state: RegistryState): Index {
    const compatibility = state.compatibility === state.configured ? null : state.compatibility
    return { ...indexOf(state), compatibility }
  }

  #stateOf(index: Index): RegistryState {
    const contents = new StoredContents(this.#folder, index)
    const subjects = new Map<string, readonly Entry[]>()
    for (const [subject, versions] of Object.entries(index.subjects)) {
      const entries = versions.map(({ version, id, deleted = false }) => {
        return new Entry({ subject, version, content: contents.of(id), deleted, file: null })
      })
      subjects.set(subject, entries)
    }
    for (const id of contents.ids()) this.#written.add(id)
    const policies = new Map(
      Object.entries(index.policies).map(([subject, said]): [string, Policy] => {
        return [subject, { compatibility: readLevel(said.compatibility), mode: readMode(said.mode) }]
      }),
    )
    return {
      subjects,
      policies,
      configured: this.#compatibility,
      compatibility: readLevel(index.compatibility) ?? this.#compatibility,
      mode: readMode(index.mode) ?? emptyState.mode,
      nextId: index.nextId,
    }
  }
}

const indexName = 'registry.json'
const indexFormat = 1

/** What `registry.json` holds. */
interface Index {
  readonly format: number
  readonly nextId: number
  /** Set over the API; null: what the configuration says. */
  readonly compatibility: CompatibilityLevel | null
  readonly mode: Mode
  readonly policies: Readonly<Record<string, Partial<Policy>>>
  readonly schemas: Readonly<Record<string, StoredSchema>>
  readonly subjects: Readonly<Record<string, readonly { version: number; id: number; deleted?: boolean }[]>>
}

interface StoredSchema extends Omit<SchemaText, 'text'> {
  /** SHA-256 of the text: a file that was changed or cut short is not taken for it. */
  readonly sha256: string
  readonly key: string
}

function indexOf(state: RegistryState): Omit<Index, 'compatibility'> {
  const schemas: [string, StoredSchema][] = []
  const subjects: [string, Index['subjects'][string]][] = []
  for (const [subject, entries] of state.subjects) {
    subjects.push([
      subject,
      entries.map(({ version, content, deleted }) => ({ version, id: content.id, ...(deleted ? { deleted } : {}) })),
    ])
    for (const { content } of entries) {
      const { id, format, references, metadata, ruleSet, key, text } = content
      schemas.push([String(id), { format, references, metadata, ruleSet, key, sha256: digest(text) }])
    }
  }
  return {
    format: indexFormat,
    nextId: state.nextId,
    mode: state.mode,
    policies: Object.fromEntries(state.policies),
    schemas: Object.fromEntries(schemas),
    subjects: Object.fromEntries(subjects),
  }
}

/** Reads schemas by id, with what they refer to. */
class StoredContents {
  readonly #folder: string
  readonly #index: Index
  readonly #made = new Map<number, Content>()

  constructor(folder: string, index: Index) {
    this.#folder = folder
    this.#index = index
  }

  ids(): Iterable<number> {
    return this.#made.keys()
  }

  of(id: number): Content {
    const known = this.#made.get(id)
    if (known !== undefined) return known
    const { schemas, subjects } = this.#index
    const stored = Object.hasOwn(schemas, id) ? schemas[id] : undefined
    if (stored === undefined) throw new Error(`schema ${id} is not in it`)
    const { format, references, metadata, ruleSet, key, sha256 } = stored
    const file = fileOf({ id, format })
    const text = readFileSync(join(this.#folder, file), 'utf8')
    if (digest(text) !== sha256) throw new Error(`${file} is not what was registered`)
    // Before a schema was taken, all that it refers to was there: references never lead in a circle.
    const referenced = references.map(({ name, subject, version }): ReferencedSchema => {
      const target = Object.hasOwn(subjects, subject)
        ? subjects[subject]!.find((one) => one.version === version)
        : undefined
      if (target === undefined) throw new Error(`schema ${id} refers to ${subject} ${version}, which is not there`)
      const content = this.of(target.id)
      return { name, text: content.text, references: content.referenced }
    })
    const content = new Content(id, { format, text, references, metadata, ruleSet }, referenced, key)
    this.#made.set(id, content)
    return content
  }
}

const fileOf = ({ id, format }: { id: number; format: SchemaFormat }): string =>
  `${id}.${formats.get(format)?.extension ?? 'txt'}`

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}

/** Writes beside, syncs, and renames: the name leads to all of the text or to what it led to before. */
export async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `${name}.new`)
  const handle = await open(draft, 'w')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, join(folder, name))
}

/** So that a rename outlives a power cut. Some systems cannot sync a folder, and need not. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null)
  if (handle === null) return
  await handle.sync().catch(() => null)
  await handle.close()
}
