import type { Fault } from '../document/fault.ts'
import type { DocumentPath } from '../document/source-document.ts'
import { readDocument } from '../document/yaml.ts'
import type { CompatibilityLevel } from './compatibility/levels.ts'
import { Content, idOfKey, isFaults } from './content.ts'
import { Entry } from './entry.ts'
import { atStart, readSchemaFolder, type SchemaFile, type SubjectFolder } from './folder.ts'
import type { FormatFault, ReferencedSchema } from './formats/format.ts'
import type { Policy } from './policy.ts'
import { emptyState, Registry, stateAt } from './registry.ts'
import { findBreach } from './verdict.ts'

/**
 * A registry of the files in `schemas/`. With faults it holds what was sound, so that rules can be checked in the same
 * run. *Errors*: as faults, E301 to E304.
 */
export function loadRegistry(
  folder: string,
  compatibility: CompatibilityLevel = emptyState.compatibility,
): { registry: Registry; faults: Fault[] } {
  const faults: Fault[] = []
  const folders = readSchemaFolder(folder, faults)
  const subjects = new Map<string, readonly Entry[]>()
  const policies = new Map<string, Policy>()
  const contents = new FileContents(folders, faults)
  for (const { subject, about, files } of folders) {
    const sound: Entry[] = []
    for (const file of files) {
      const content = contents.of(file)
      if (content === null) continue
      sound.push(new Entry({ subject, version: file.version, content, deleted: false, file: file.file }))
    }
    if (sound.length > 0) subjects.set(subject, sound)
    if (about.compatibility !== null) policies.set(subject, { compatibility: about.compatibility, mode: null })
    faults.push(...incompatible(sound, about.compatibility ?? compatibility))
  }
  return { registry: new Registry({ ...stateAt(compatibility), subjects, policies }), faults }
}

/** What a registry over the API begins with: the schemas of the folder, under the ids they have as files. */
export function seedRegistry(folder: string, compatibility: CompatibilityLevel): ReturnType<typeof loadRegistry> {
  const { registry, faults } = loadRegistry(folder, compatibility)
  const subjects = [...registry.state.subjects].map(([subject, entries]): [string, readonly Entry[]] => [
    subject,
    entries.map(({ version, content, deleted }) => new Entry({ subject, version, content, deleted, file: null })),
  ])
  return { registry: new Registry({ ...registry.state, subjects: new Map(subjects), nextId: 1 }), faults }
}

/** Each version that its subject's level forbids after those before it. */
function incompatible(entries: readonly Entry[], level: CompatibilityLevel): Fault[] {
  return entries.flatMap(({ content, version, file, subject }, at) => {
    const breach = at === 0 ? null : findBreach(level, content, entries.slice(0, at))
    if (breach === null) return []
    const kind = level.toLowerCase().replace('_', '-')
    const message = `version ${version} of ${subject} is not ${kind} compatible with version ${breach.version}: ${breach.reason}`
    return [atStart(file!, message, 'E304')]
  })
}

/** Makes the content of files, what they refer to first. */
class FileContents {
  readonly #files = new Map<string, { readonly file: SchemaFile; readonly about: SubjectFolder['about'] }>()
  readonly #made = new Map<string, Content | null>()
  readonly #byId = new Map<number, { readonly content: Content; readonly file: string }>()
  readonly #faults: Fault[]
  /** Files whose references are being followed. */
  readonly #open = new Set<string>()

  constructor(folders: readonly SubjectFolder[], faults: Fault[]) {
    this.#faults = faults
    for (const { about, files } of folders)
      for (const file of files) this.#files.set(nameOf(file.subject, file.version), { file, about })
  }

  /** null when it has a fault, which is told. */
  of({ subject, version }: { subject: string; version: number }): Content | null {
    const name = nameOf(subject, version)
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const content = this.#make(name)
    this.#made.set(name, content)
    return content
  }

  #make(name: string): Content | null {
    const { file, about } = this.#files.get(name)!
    const notes = about.notesOf(file.version)
    this.#open.add(name)
    const referenced: ReferencedSchema[] = []
    let whole = true
    for (const [at, reference] of (notes.references ?? []).entries()) {
      const target = nameOf(reference.subject, reference.version)
      const path = ['versions', String(file.version), 'references', at]
      if (!this.#files.has(target)) this.#tell(about, path, `there is no schema ${target}`)
      else if (this.#open.has(target)) this.#tell(about, path, `${target} refers back to ${name}`)
      const content = this.#files.has(target) && !this.#open.has(target) ? this.of(reference) : null
      if (content === null) whole = false
      else referenced.push({ name: reference.name, text: content.text, references: content.referenced })
    }
    this.#open.delete(name)
    if (!whole) return null
    return this.#compile(file, about, referenced)
  }

  #compile(file: SchemaFile, about: SubjectFolder['about'], referenced: readonly ReferencedSchema[]): Content | null {
    const { references = [], metadata = null, id } = about.notesOf(file.version)
    const schema = { format: file.format, text: file.text, references, metadata, ruleSet: null }
    const made = new Content(0, schema, referenced)
    const { compiled } = made
    if (isFaults(compiled)) {
      this.#faults.push(...placed(file, compiled))
      return null
    }
    const wanted = id ?? idOfKey(made.key)
    const other = this.#byId.get(wanted)
    if (other === undefined) {
      const content = made.numbered(wanted)
      this.#byId.set(wanted, { content, file: file.file })
      return content
    }
    if (other.content.key === made.key) return other.content
    const path = ['versions', String(file.version), 'id']
    const message = `its id ${wanted} is that of ${other.file}; give it another under \`versions\` in subject.yaml`
    this.#faults.push(about.faultAt(path, 'E302', message) ?? atStart(file.file, message, 'E302'))
    return null
  }

  #tell(about: SubjectFolder['about'], path: DocumentPath, message: string): void {
    const fault = about.faultAt(path, 'E302', message)
    if (fault !== null) this.#faults.push(fault)
  }
}

const nameOf = (subject: string, version: number): string => `${subject}@${version}`

/** Faults at their places in the file. JSON is YAML, whose reader knows the places of values. */
function placed({ file, text }: SchemaFile, faults: readonly FormatFault[]): Fault[] {
  const isBare = faults.every(({ path, line }) => path.length === 0 || line !== undefined)
  const document = isBare ? null : readDocument(file, text).document
  return faults.map(({ code, message, path, line, column }) => {
    const place = line === undefined ? (document?.at(path) ?? { line: 1, column: 1 }) : { line, column: column ?? 1 }
    return { file, ...place, code, message }
  })
}
