import { below, type Comparison, type Difference, difference, type SchemaText, type Sides } from '../incompatibility.ts'
import { PairMemo } from '../pair-memo.ts'
import { type AvroEnum, type AvroField, AvroReader, type AvroRecord, type AvroType } from './avro-schema.ts'

/**
 * Avro's own rules of schema resolution. *Source*: Avro 1.12, "Schema Resolution"; the names of the rules are those
 * of its Java library, which Confluent's registry asks.
 */
export const avroDifferences: Comparison = {
  differences(reader: SchemaText, writer: SchemaText) {
    const schemas = new AvroReader()
    const [read, written] = [schemas.read(reader), schemas.read(writer)]
    return PairMemo.settle((memo) => compare(memo, read, written))
  },

  path: (path) => `/${path.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,

  describe: ({ rule, info }: Difference, path: string, { reader, writer }: Sides) => {
    switch (rule) {
      case 'FIXED_SIZE_MISMATCH':
        return `The size of FIXED type field at path '${path}' in the ${reader} schema does not match with the ${writer} schema`
      case 'TYPE_MISMATCH':
        return `The type (path '${path}') of a field in the ${reader} schema does not match with the ${writer} schema`
      case 'NAME_MISMATCH':
        return `The name of the schema has changed (path '${path}')`
      case 'MISSING_ENUM_SYMBOLS':
        return `The ${reader} schema is missing enum symbols '${info}' at path '${path}' in the ${writer} schema`
      case 'MISSING_UNION_BRANCH':
        return `The ${reader} schema is missing a type inside a union field at path '${path}' in the ${writer} schema`
      default:
        return `The field '${info}' at path '${path}' in the ${reader} schema has no default value and is missing in the ${writer} schema`
    }
  },

  message: (rule, description, info) => `{errorType:'${rule}', description:'${description}', additionalInfo:'${info}'}`,
}

/** What a reader of the key's type also reads, beyond its own. *Source*: Avro 1.12, "Schema Resolution". */
const promotions: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  bytes: ['string'],
  string: ['bytes'],
}

const compare = (memo: PairMemo, reader: AvroType, writer: AvroType): readonly Difference[] =>
  memo.visit(reader, writer, () => compareTypes(memo, reader, writer))

function compareTypes(memo: PairMemo, reader: AvroType, writer: AvroType): readonly Difference[] {
  if (writer.kind === 'union') {
    return writer.branches.flatMap((branch, at) => {
      const found = compare(memo, reader, branch)
      if (reader.kind !== 'union') return below([String(at)], found)
      return found.length === 0 ? [] : [missingBranch(branch, [String(at)])]
    })
  }
  if (reader.kind === 'union') {
    return reader.branches.some((branch) => compare(memo, branch, writer).length === 0)
      ? []
      : [missingBranch(writer, [])]
  }
  switch (reader.kind) {
    case 'array':
    case 'map': {
      if (writer.kind !== reader.kind) break
      return below([reader.kind === 'array' ? 'items' : 'values'], compare(memo, reader.of, writer.of))
    }
    case 'record':
      if (writer.kind !== 'record') break
      return [...compareNames(reader, writer), ...compareFields(memo, reader, writer)]
    case 'enum':
      if (writer.kind !== 'enum') break
      return [...compareNames(reader, writer), ...compareSymbols(reader, writer)]
    case 'fixed': {
      if (writer.kind !== 'fixed') break
      const names = compareNames(reader, writer)
      if (reader.size === writer.size) return names
      return [...names, difference('FIXED_SIZE_MISMATCH', ['size'], `expected: ${writer.size}, found: ${reader.size}`)]
    }
    default:
      if (reader.kind === writer.kind || promotions[reader.kind]?.includes(writer.kind) === true) return []
  }
  return [typeMismatch(reader, writer)]
}

const typeMismatch = (reader: AvroType, writer: AvroType, path: readonly string[] = []): Difference =>
  difference(
    'TYPE_MISMATCH',
    path,
    `reader type: ${inCapitals(reader)} not compatible with writer type: ${inCapitals(writer)}`,
  )

const missingBranch = (writer: AvroType, path: readonly string[]): Difference =>
  difference('MISSING_UNION_BRANCH', path, `reader union lacking writer type: ${inCapitals(writer)}`)

const inCapitals = ({ kind }: AvroType): string => kind.toUpperCase()

type Named = Extract<AvroType, { readonly fullName: string }>

/** Names are compared without their namespace; an alias is a full name. */
const compareNames = (reader: Named, writer: Named): readonly Difference[] =>
  reader.name === writer.name || reader.aliases.includes(writer.fullName)
    ? []
    : [difference('NAME_MISMATCH', ['name'], `expected: ${writer.fullName}`)]

function compareSymbols(reader: AvroEnum, writer: AvroEnum): readonly Difference[] {
  const missing = [...writer.symbols].filter((symbol) => !reader.symbols.has(symbol)).sort()
  if (missing.length === 0 || (reader.default !== null && reader.symbols.has(reader.default))) return []
  return [difference('MISSING_ENUM_SYMBOLS', ['symbols'], `[${missing.join(', ')}]`)]
}

function compareFields(memo: PairMemo, reader: AvroRecord, writer: AvroRecord): readonly Difference[] {
  return reader.fields.flatMap((field, at) => {
    const path = ['fields', String(at)]
    const written = [field.name, ...field.aliases]
      .map((name) => writer.byName.get(name))
      .filter((found): found is AvroField => found !== undefined)
    if (written.length > 1) {
      return [difference('NAME_MISMATCH', path, `${field.name} stands for several fields of the other schema`)]
    }
    if (written.length === 1) return below([...path, 'type'], compare(memo, field.type, written[0]!.type))
    if (field.hasDefault) return []
    // An enum's own default is for unknown symbols and does not fill a missing field.
    if (field.type.kind === 'enum' && field.type.default !== null) {
      return [typeMismatch(field.type, writer, [...path, 'type'])]
    }
    return [difference('READER_FIELD_MISSING_DEFAULT_VALUE', path, field.name)]
  })
}
