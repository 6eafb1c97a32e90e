import type { DocumentPath } from '../document/source-document.ts'
import { compileExpression } from './expression/expression.ts'
import type { Names } from './expression/names.ts'
import { bool, dyn, familyOf, listOf, number, printType, type Type } from './expression/type.ts'
import type { PayloadSchema, Shape } from './port.ts'
import type { TextEnvironment } from './target-text.ts'

/** `set:` and `payload:` of a rule or of a target, and where they stand. */
export interface RawBody {
  readonly raw: { readonly set?: unknown; readonly payload?: unknown }
  readonly path: DocumentPath
}

type Entries = Readonly<Record<string, unknown>>

const isEntries = (value: unknown): value is Entries =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Finds fields that a body writes and the schema of its target does not have, or has for values of another type. Avro and
 * Protobuf would leave out the former without a word, and refuse each message for the latter; what JSON Schema thinks of
 * them is its own business.
 */
export function checkWrittenFields({ raw, path }: RawBody, schema: PayloadSchema, env: TextEnvironment): void {
  const { faults, names } = env
  if (schema.format !== 'avro' && schema.format !== 'protobuf') return
  const [word, entries] = raw.set === undefined ? ['payload', raw.payload] : ['set', raw.set]
  if (isEntries(entries)) checkEntries(entries, schema.fields(), [...path, word as string], word === 'set')
  function checkEntries(fields: Entries, shape: Shape, at: DocumentPath, areEdits: boolean): void {
    for (const [key, value] of Object.entries(fields)) {
      // A removed field may be one that the payload has and the schema does not.
      if (value === null) continue
      const here = [...at, key]
      const found = inner(shape, areEdits ? key.split('.') : [key], here)
      if (found === null) continue
      if (isEntries(value)) checkEntries(value, found, here, areEdits)
      else checkType(key, value, found, here)
    }
  }
  function checkType(key: string, value: unknown, shape: Shape, here: DocumentPath): void {
    const type = typeOf(value, here, names)
    if (canBe(type, shape, schema.format)) return
    const owner = `schema ${schema.subject}@${schema.version}`
    faults.at(here, 'E204', `\`${key}\` in ${owner}: expected ${shapeNames[shape.kind]}, not ${printType(type)}`)
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

/** The type of what a body says for a field; its faults are told where it is compiled. */
function typeOf(value: unknown, path: DocumentPath, names: Names): Type {
  if (typeof value === 'string')
    return compileExpression({ text: value, origin: { path } }, names).compiled?.type ?? dyn
  if (typeof value === 'number') return number
  if (typeof value === 'boolean') return bool
  return Array.isArray(value) ? listOf(dyn) : dyn
}

/** Whether a value of this type may ever be written as the field; in doubt it may. */
function canBe(type: Type, shape: Shape, format: PayloadSchema['format']): boolean {
  const family = familyOf(type)
  if (family === 'any' || family === 'null' || family === 'optional' || family === 'type') return true
  // Times and spans are written as text.
  const isText = family === 'string' || family === 'timestamp' || family === 'duration'
  switch (shape.kind) {
    case 'bool':
      return family === 'bool'
    case 'int':
    case 'number':
      // Protobuf's JSON has 64-bit integers, NaN and infinities as text.
      return family === 'number' || (family === 'string' && format === 'protobuf')
    case 'string':
      return isText || (family === 'number' && shape.numbers === true)
    case 'bytes':
      return isText || family === 'bytes'
    case 'list':
      return family === 'list'
    case 'object':
      return family === 'map'
    default:
      return true
  }
}

const shapeNames: Readonly<Record<Shape['kind'], string>> = {
  any: 'anything',
  null: 'null',
  bool: 'a bool',
  int: 'an int',
  number: 'a number',
  string: 'a string',
  bytes: 'bytes',
  timestamp: 'a timestamp',
  list: 'a list',
  object: 'an object',
}
