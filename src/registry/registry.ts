/**
 * The schema registry: subjects, their versions, and checks of payloads against them.
 *
 * It promises: what is loaded has been compiled and checked, and every fault of every file is told at once with its
 * place; a schema runs in linear time of the payload and fetches nothing. It does not know the rules, and does not
 * decode payloads: it is given values.
 *
 * `registry` reads `schemas/<subject>/<version>.json`; `schema` says what a version offers; `shape` what is known of
 * its fields; `formats/` holds one file per schema language, and what it needs.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../document/fault.ts'
import { readDocument } from '../document/yaml.ts'
import { compileJsonSchema, maxSchemaBytes } from './formats/json-schema.ts'
import { type Schema, schemaOf } from './schema.ts'
import { frameBytes, frameOf, readFrame } from './wire-format.ts'

export class Registry {
  /** By subject; versions ascending. */
  readonly #subjects: ReadonlyMap<string, readonly Schema[]>

  readonly #byId: ReadonlyMap<number, Schema>

  private constructor(schemas: readonly Schema[]) {
    this.#byId = new Map(schemas.map((schema) => [schema.id, schema]))
    const subjects = new Map<string, Schema[]>()
    for (const schema of [...schemas].sort((a, b) => a.version - b.version)) {
      const versions = subjects.get(schema.subject)
      if (versions === undefined) subjects.set(schema.subject, [schema])
      else versions.push(schema)
    }
    this.#subjects = subjects
  }

  /**
   * Reads all schemas of a folder; a folder that is not there holds none. With faults, the registry holds what was
   * sound, so that rules can be checked in the same run. *Errors*: as faults, E301 to E303.
   */
  static load(folder: string): { registry: Registry; faults: Fault[] } {
    const faults: Fault[] = []
    const schemas: Schema[] = []
    for (const { subject, version, file } of schemaFiles(folder, faults)) {
      const schema = loadSchema(subject, version, file, faults)
      if (schema !== null) schemas.push(schema)
    }
    return { registry: new Registry(schemas), faults }
  }

  /** All versions of a subject, ascending; null when there is none. */
  subject(name: string): readonly Schema[] | null {
    return this.#subjects.get(name) ?? null
  }

  /** `telemetry` is its newest version, `telemetry@3` that one. */
  resolve(name: string): Schema | null {
    const [, subject = '', version] = /^(.+?)(?:@([1-9]\d{0,8}))?$/.exec(name) ?? []
    const versions = this.#subjects.get(subject)
    if (versions === undefined) return null
    if (version === undefined) return versions.at(-1) ?? null
    return versions.find((schema) => schema.version === Number(version)) ?? null
  }

  /** Reads what stands before a payload in Confluent's wire format; null when it is none, or of an unknown id. */
  unframe(bytes: Uint8Array): { schema: Schema; offset: number } | null {
    const id = readFrame(bytes)
    const schema = id === null ? undefined : this.#byId.get(id)
    return schema === undefined ? null : { schema, offset: frameBytes }
  }

  /** By subject, then version. */
  list(): readonly Schema[] {
    return [...this.#subjects].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, versions]) => versions)
  }
}

interface SchemaFile {
  readonly subject: string
  readonly version: number
  readonly file: string
}

const atStart = (file: string, code: Fault['code'], message: string): Fault => ({
  file,
  line: 1,
  column: 1,
  code,
  message,
})

function* schemaFiles(folder: string, faults: Fault[]): Generator<SchemaFile> {
  for (const subject of entriesOf(folder, faults)) {
    if (!subject.isDirectory()) {
      if (!isProse(subject.name)) {
        faults.push(
          atStart(
            join(folder, subject.name),
            'E301',
            'a schema lies in the folder of its subject: <subject>/<version>.json',
          ),
        )
      }
      continue
    }
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(subject.name)) {
      faults.push(
        atStart(join(folder, subject.name), 'E301', 'a subject is named by letters, digits, `_`, `-` and `.`'),
      )
      continue
    }
    for (const entry of entriesOf(join(folder, subject.name), faults)) {
      const file = join(folder, subject.name, entry.name)
      const version = /^([1-9]\d{0,8})\.json$/.exec(entry.name)?.[1]
      if (version !== undefined) yield { subject: subject.name, version: Number(version), file }
      else if (!isProse(entry.name))
        faults.push(atStart(file, 'E301', 'not a schema file: expected <version>.json, as 1.json'))
    }
  }
}

const isProse = (name: string): boolean => name.startsWith('.') || name.endsWith('.md')

function entriesOf(folder: string, faults: Fault[]) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException
    if (error.code !== 'ENOENT') faults.push(atStart(folder, 'E301', error.message))
    return []
  }
}

function loadSchema(subject: string, version: number, file: string, faults: Fault[]): Schema | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    faults.push(atStart(file, 'E301', (thrown as Error).message))
    return null
  }
  if (Buffer.byteLength(text) > maxSchemaBytes) {
    faults.push(atStart(file, 'E303', `larger than ${maxSchemaBytes} bytes`))
    return null
  }
  const parsed = parseJson(file, text)
  if ('fault' in parsed) {
    faults.push(parsed.fault)
    return null
  }
  const body = compileJsonSchema(parsed.value)
  if (!Array.isArray(body)) {
    const id = idOf(parsed.value)
    return schemaOf(body, {
      subject,
      version,
      id,
      format: 'json-schema',
      file,
      text,
      references: [],
      frame: frameOf(id),
    })
  }
  // JSON is YAML, whose reader knows the places of values.
  const { document } = readDocument(file, text)
  for (const { code, message, path } of body) faults.push({ file, ...document.at(path), code, message })
  return null
}

function parseJson(file: string, text: string): { value: unknown } | { fault: Fault } {
  try {
    return { value: JSON.parse(text) }
  } catch (thrown) {
    const { message } = thrown as SyntaxError
    const position = /at position (\d+)/.exec(message)?.[1]
    const before = text.slice(0, position === undefined ? text.trimEnd().length : Number(position)).split('\n')
    const place = { line: before.length, column: before.at(-1)!.length + 1 }
    const why = message.replace(/ in JSON at position .*$| \(line \d+ column \d+\)$/s, '')
    return { fault: { file, ...place, code: 'E302', message: `not valid JSON: ${why}` } }
  }
}

/** From the content alone, so that two hubs with the same schemas give them the same ids. */
function idOf(value: unknown): number {
  const digest = createHash('sha256').update(JSON.stringify(value)).digest()
  return digest.readUInt32BE(0) & 0x7fffffff || 1
}
