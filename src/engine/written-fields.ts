import type { DocumentPath } from '../document/source-document.ts'
import type { PayloadSchema, Shape } from './port.ts'
import type { RuleFaults } from './rule-faults.ts'

/** `set:` and `payload:` of a rule or of a target, and where they stand. */
export interface RawBody {
  readonly raw: { readonly set?: unknown; readonly payload?: unknown }
  readonly path: DocumentPath
}

type Entries = Readonly<Record<string, unknown>>

const isEntries = (value: unknown): value is Entries =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Finds fields that a body writes and the schema of its target does not have. Avro and Protobuf would leave them out
 * without a word; what JSON Schema thinks of them is its own business.
 */
export function checkWrittenFields({ raw, path }: RawBody, schema: PayloadSchema, faults: RuleFaults): void {
  if (schema.format !== 'avro' && schema.format !== 'protobuf') return
  const [word, entries] = raw.set === undefined ? ['payload', raw.payload] : ['set', raw.set]
  if (isEntries(entries)) checkEntries(entries, schema.fields(), [...path, word as string], word === 'set')
  function checkEntries(fields: Entries, shape: Shape, at: DocumentPath, areEdits: boolean): void {
    for (const [key, value] of Object.entries(fields)) {
      // A removed field may be one that the payload has and the schema does not.
      if (value === null) continue
      const here = [...at, key]
      const found = inner(shape, areEdits ? key.split('.') : [key], here)
      if (found !== null && isEntries(value)) checkEntries(value, found, here, areEdits)
    }
  }
  /** The shape at the end of `steps`; null when nothing more can be said. */
  function inner(shape: Shape, steps: readonly string[], at: DocumentPath): Shape | null {
    let found = shape
    for (const step of steps) {
      if (found.kind !== 'object' || found.open) return null
      const next = fieldOf(found.fields, step)
      if (next === undefined) {
        const owner = `schema ${schema.subject}@${schema.version}`
        const legal = steps.length === 1 ? found.fields.keys() : []
        faults.atKey(at, 'E217', `${owner} has no field \`${step}\`, so it would be left out`, legal)
        return null
      }
      found = next
    }
    return found
  }
}

/** Protobuf also takes a field by the name that its JSON has. */
function fieldOf(fields: ReadonlyMap<string, Shape>, name: string): Shape | undefined {
  const known = fields.get(name)
  if (known !== undefined) return known
  for (const [field, shape] of fields) if (camelCase(field) === name) return shape
  return undefined
}

const camelCase = (name: string): string =>
  name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
