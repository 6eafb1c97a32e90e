import { readFileSync } from 'node:fs'
import { checkDocument } from '../document/check.ts'
import type { Fault } from '../document/fault.ts'
import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { readDocument } from '../document/yaml.ts'
import { type CompatibilityLevel, compatibilityLevels } from './compatibility/levels.ts'
import type { Metadata } from './content.ts'
import { readLevel } from './policy.ts'
import type { SchemaReference } from './schema.ts'

/** What `schemas/<subject>/subject.yaml` may say, as JSON Schema. */
export const subjectFileSchema = {
  type: 'object',
  description: 'What holds for a subject beside its versions.',
  additionalProperties: false,
  properties: {
    compatibility: {
      type: 'string',
      enum: compatibilityLevels.map((level) => level.toLowerCase()),
      description: 'What each version must be able to read, or be read by. Without it: `registry.compatibility`.',
    },
    versions: {
      type: 'object',
      description: 'By version.',
      propertyNames: { pattern: '^[1-9]\\d{0,8}$', expects: 'a version, as 1' },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          id: {
            type: 'integer',
            minimum: 1,
            maximum: 2_147_483_647,
            description: 'The id it has elsewhere. Without it: one made of its content.',
          },
          references: {
            type: 'array',
            description: 'The schemas it imports or refers to.',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'subject', 'version'],
              properties: {
                name: { type: 'string', minLength: 1, description: 'What the schema calls it.' },
                subject: { type: 'string', minLength: 1 },
                version: { type: 'integer', minimum: 1 },
              },
            },
          },
          metadata: {
            type: 'object',
            description: 'Kept for clients of the registry.',
            additionalProperties: false,
            properties: {
              tags: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
              properties: { type: 'object', additionalProperties: { type: 'string' } },
              sensitive: { type: 'array', items: { type: 'string' } },
            },
          },
        },
      },
    },
  },
} as const

/** What the file says of one version. */
export interface VersionNotes {
  readonly id?: number
  readonly references?: readonly SchemaReference[]
  readonly metadata?: Metadata
}

/** A subject's own file, read. */
export class SubjectFile {
  readonly compatibility: CompatibilityLevel | null
  readonly #versions: Readonly<Record<string, VersionNotes>>
  readonly #document: SourceDocument | null

  constructor(document: SourceDocument | null) {
    const said = (document?.value ?? {}) as { compatibility?: string; versions?: Record<string, VersionNotes> }
    this.compatibility = readLevel(said.compatibility)
    this.#versions = said.versions ?? {}
    this.#document = document
  }

  /** Reads and checks the file. *Errors*: as faults, E102, E301, E302. */
  static read(file: string, faults: Fault[]): SubjectFile {
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (thrown) {
      faults.push({ file, line: 1, column: 1, code: 'E301', message: (thrown as Error).message })
      return new SubjectFile(null)
    }
    const { document, faults: found } = readDocument(file, text)
    const codes = { unknown: 'E302', wrong: 'E302', missing: 'E302' } as const
    const checked =
      found.length > 0 ? found : checkDocument(document, subjectFileSchema, { codes, noun: 'field' }).faults
    faults.push(...checked)
    return new SubjectFile(checked.length > 0 ? null : document)
  }

  notesOf(version: number): VersionNotes {
    return Object.hasOwn(this.#versions, version) ? this.#versions[version]! : {}
  }

  /** Versions the file speaks of. */
  get versions(): readonly number[] {
    return Object.keys(this.#versions).map(Number)
  }

  /** A fault at a place in the file; null when there is no file. */
  faultAt(path: DocumentPath, code: Fault['code'], message: string): Fault | null {
    return this.#document === null ? null : { file: this.#document.file, ...this.#document.at(path), code, message }
  }
}
