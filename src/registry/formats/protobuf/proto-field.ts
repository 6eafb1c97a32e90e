import type { Features } from './proto-features.ts'
import type { FieldDeclaration } from './proto-file.ts'
import { type EnumNode, type FieldNode, type FieldType, isPackable, scalars, type TypeNode } from './proto-node.ts'
import { refuse } from './proto-token.ts'

/** A field with its type found and its features applied. *Errors*: throws ProtoRefused. */
export function fieldNode(
  field: FieldDeclaration,
  edition: string,
  features: Features,
  find: (type: string) => TypeNode | null,
): FieldNode {
  checkWords(field, edition)
  const type = typeOf(field, find)
  const repeated = field.label === 'repeated'
  const packed = field.options.get('packed')
  return {
    name: field.name,
    jsonName: field.options.get('json_name') ?? lowerCamel(field.name),
    number: field.number,
    type,
    repeated,
    packed:
      repeated &&
      isPackable(type) &&
      (packed === undefined ? features.repeated_field_encoding === 'PACKED' : packed === 'true'),
    key: field.key === null ? null : (field.key as FieldNode['key']),
    presence: repeated ? 'implicit' : presenceOf(field, edition, features, type),
    oneof: field.oneof,
    default: defaultOf(field, type),
    // A map's messages are never delimited.
    delimited:
      type.kind === 'message' && field.key === null && (field.group || features.message_encoding === 'DELIMITED'),
  }
}

/** Each language has words that the others have not. */
function checkWords(field: FieldDeclaration, edition: string): void {
  const { label, group, options, oneof, key } = field
  const plain = label === null && oneof === null && key === null
  if (edition === 'proto2' && plain) refuse(field, `${field.name} lacks \`optional\`, \`required\` or \`repeated\``)
  if (edition === 'proto3' && label === 'required') refuse(field, 'proto3 has no `required`')
  if (edition === 'proto3' && options.has('default')) refuse(field, 'proto3 has no `default`')
  if (edition !== 'proto2' && group) refuse(field, 'only proto2 has groups')
  if (edition.startsWith('2') && (label === 'optional' || label === 'required')) {
    refuse(field, `editions say \`features.field_presence\` instead of \`${label}\``)
  }
}

function typeOf(field: FieldDeclaration, find: (type: string) => TypeNode | null): FieldType {
  const scalar = scalars.find((one) => one === field.type)
  if (scalar !== undefined) return { kind: scalar }
  const found = find(field.type) ?? refuse(field, `the type ${field.type} is not known`)
  return 'message' in found ? { kind: 'message', message: found.message } : { kind: 'enum', enum: found.enum }
}

function presenceOf(
  { label, oneof }: FieldDeclaration,
  edition: string,
  features: Features,
  type: FieldType,
): FieldNode['presence'] {
  if (label === 'required') return 'required'
  if (oneof !== null || edition === 'proto2') return 'explicit'
  if (features.field_presence === 'LEGACY_REQUIRED') return 'required'
  if (type.kind === 'message' || label === 'optional') return 'explicit'
  return features.field_presence === 'IMPLICIT' ? 'implicit' : 'explicit'
}

/** `plant_id` → `plantId`, as protoc does it. */
const lowerCamel = (name: string): string =>
  name.replace(/_+([a-zA-Z0-9])/g, (_, next: string) => next.toUpperCase()).replaceAll('_', '')

function defaultOf(field: FieldDeclaration, type: FieldType): unknown {
  const written = field.options.get('default')
  if (written === undefined) return undefined
  const value = field.label === 'repeated' ? null : defaultValue(written, type)
  return value ?? refuse(field, `${JSON.stringify(written)} cannot be the default of ${field.name}`)
}

const special: Readonly<Record<string, number>> = {
  inf: Infinity,
  '-inf': -Infinity,
  nan: Number.NaN,
  '-nan': Number.NaN,
}

/** null when it is none. */
function defaultValue(written: string, type: FieldType): unknown {
  switch (type.kind) {
    case 'message':
      return null
    case 'enum':
      return inEnum(written, type.enum)
    case 'bool':
      return written === 'true' ? true : written === 'false' ? false : null
    case 'string':
      return written
    case 'bytes':
      return Uint8Array.from(Buffer.from(written, 'latin1'))
    case 'float':
    case 'double': {
      const number = special[written] ?? Number(written.replace(/f$/, ''))
      return Number.isNaN(number) && !written.endsWith('nan') ? null : number
    }
    default: {
      if (!/^-?(0[xX][0-9a-fA-F]{1,16}|\d{1,20})$/.test(written)) return null
      const negative = written.startsWith('-')
      const digits = written.slice(negative ? 1 : 0)
      const value = BigInt(/^0\d/.test(digits) ? `0o${digits.replace(/[89]/g, '7')}` : digits) * (negative ? -1n : 1n)
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : value
    }
  }
}

const inEnum = (written: string, { numbers }: EnumNode): string | null => (numbers.has(written) ? written : null)
