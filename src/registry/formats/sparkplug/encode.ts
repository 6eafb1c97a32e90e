import type { SchemaFault } from '../../schema.ts'
import { isArrayType, packArray } from './array-value.ts'
import { integerForms, typeNumberOf } from './data-type.ts'
import { toBits } from './integer.ts'
import { maxDepth } from './plain-value.ts'
import { WireWriter } from './wire-writer.ts'

type Given = Readonly<Record<string, unknown>>

/** A value that does not fit, and where. */
class Misfit extends Error {
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.path = path
  }
}

/**
 * A payload's bytes from plain data: `timestamp`, `seq`, `uuid`, `body`, and metrics as `list` or, without it, by
 * name in `metrics`. A metric is as it is decoded, or its value alone, whose type is then the nearest.
 */
export function encodePayload(value: unknown): { bytes: Uint8Array } | { fault: SchemaFault } {
  const writer = new WireWriter()
  try {
    writePayload(writer, objectAt('', value))
  } catch (thrown) {
    if (!(thrown instanceof Misfit)) throw thrown
    return { fault: { path: thrown.path, message: thrown.message, keyword: 'sparkplug' } }
  }
  return { bytes: writer.written }
}

function writePayload(writer: WireWriter, payload: Given): void {
  writeUint(writer, 1, payload['timestamp'], '/timestamp')
  const { list } = payload
  if (Array.isArray(list)) {
    for (const [at, metric] of list.entries()) writeMetric(writer, 2, null, metric, `/list/${at}`, 0)
  } else {
    for (const [name, metric] of entriesAt('/metrics', payload['metrics'] ?? {})) {
      writeMetric(writer, 2, name, metric, `/metrics/${step(name)}`, 0)
    }
  }
  writeUint(writer, 3, payload['seq'], '/seq')
  writeString(writer, 4, payload['uuid'], '/uuid')
  if (isPresent(payload['body'])) writer.bytes(5, bytesAt('/body', payload['body']))
}

function writeMetric(
  writer: WireWriter,
  field: number,
  named: string | null,
  given: unknown,
  path: string,
  depth: number,
): void {
  if (depth > maxDepth) throw new Misfit(path, `is nested deeper than ${maxDepth}`)
  const metric: Given = isObject(given) && !(given instanceof Uint8Array) ? given : { value: given }
  const type = typeAt(path, metric['type'], metric['value'])
  writer.nested(field, (inner) => {
    const alias = metric['alias']
    const name = metric['name'] ?? named
    writeString(inner, 1, name, `${path}/name`)
    if (!isPresent(name) && !isPresent(alias)) throw new Misfit(path, 'has neither a name nor an alias')
    writeUint(inner, 2, alias, `${path}/alias`)
    writeUint(inner, 3, metric['timestamp'], `${path}/timestamp`)
    inner.uint(4, typeNumberOf(type))
    if (metric['is_historical'] === true) inner.bool(5, true)
    if (metric['is_transient'] === true) inner.bool(6, true)
    const { value } = metric
    if (!isPresent(value)) inner.bool(7, true)
    if (isPresent(metric['metadata'])) writeMetadata(inner, 8, objectAt(`${path}/metadata`, metric['metadata']), path)
    if (isPresent(metric['properties']))
      writePropertySet(inner, 9, metric['properties'], `${path}/properties`, depth + 1)
    if (isPresent(value)) writeMetricValue(inner, type, value, `${path}/value`, depth)
  })
}

function writeMetricValue(writer: WireWriter, type: string, value: unknown, path: string, depth: number): void {
  if (type === 'DataSet') writer.nested(17, (inner) => writeDataSet(inner, objectAt(path, value), path))
  else if (type === 'Template')
    writer.nested(18, (inner) => writeTemplate(inner, objectAt(path, value), path, depth + 1))
  else if (type === 'Bytes' || type === 'File') writer.bytes(16, bytesAt(path, value))
  else if (isArrayType(type)) {
    const packed = packArray(type, value)
    if (packed === null) throw new Misfit(path, `must be a list that fits type ${type}`)
    writer.bytes(16, packed)
  } else writeScalar(writer, 10, type, value, path)
}

/** The fields of a `oneof value` whose first is `first`: int, long, float, double, boolean, string. */
function writeScalar(writer: WireWriter, first: number, type: string, value: unknown, path: string): void {
  const integer = integerForms.get(type)
  if (integer !== undefined) {
    const bits = toBits(value, integer)
    if (bits === null) throw new Misfit(path, `must be an integer that fits type ${type}`)
    writer.uint(integer.bits === 64 ? first + 1 : first, bits)
  } else if (type === 'Float' || type === 'Double') {
    if (typeof value !== 'number') throw new Misfit(path, 'must be a number')
    if (type === 'Float') writer.float(first + 2, value)
    else writer.double(first + 3, value)
  } else if (type === 'Boolean') {
    if (typeof value !== 'boolean') throw new Misfit(path, 'must be true or false')
    writer.bool(first + 4, value)
  } else if (type === 'String' || type === 'Text' || type === 'UUID') {
    if (typeof value !== 'string') throw new Misfit(path, 'must be a string')
    writer.string(first + 5, value)
  } else throw new Misfit(path, `cannot be of type ${type} here`)
}

function writeMetadata(writer: WireWriter, field: number, metadata: Given, path: string): void {
  writer.nested(field, (inner) => {
    if (metadata['is_multi_part'] === true) inner.bool(1, true)
    writeString(inner, 2, metadata['content_type'], `${path}/metadata/content_type`)
    writeUint(inner, 3, metadata['size'], `${path}/metadata/size`)
    writeUint(inner, 4, metadata['seq'], `${path}/metadata/seq`)
    for (const [at, name] of ['file_name', 'file_type', 'md5', 'description'].entries()) {
      writeString(inner, 5 + at, metadata[name], `${path}/metadata/${name}`)
    }
  })
}

function writePropertySet(writer: WireWriter, field: number, set: unknown, path: string, depth: number): void {
  if (depth > maxDepth) throw new Misfit(path, `is nested deeper than ${maxDepth}`)
  const entries = entriesAt(path, set)
  writer.nested(field, (inner) => {
    for (const [name] of entries) inner.string(1, name)
    for (const [name, property] of entries) writeProperty(inner, property, `${path}/${step(name)}`, depth)
  })
}

function writeProperty(writer: WireWriter, given: unknown, path: string, depth: number): void {
  const property: Given = isObject(given) ? given : { value: given }
  const { value } = property
  const type = typeAt(path, property['type'], value)
  writer.nested(2, (inner) => {
    inner.uint(1, typeNumberOf(type))
    if (!isPresent(value)) inner.bool(2, true)
    else if (type === 'PropertySet') writePropertySet(inner, 9, value, `${path}/value`, depth + 1)
    else if (type === 'PropertySetList') {
      if (!Array.isArray(value)) throw new Misfit(`${path}/value`, 'must be a list')
      inner.nested(10, (sets) => {
        for (const [at, set] of value.entries()) writePropertySet(sets, 1, set, `${path}/value/${at}`, depth + 2)
      })
    } else writeScalar(inner, 3, type, value, `${path}/value`)
  })
}

function writeDataSet(writer: WireWriter, set: Given, path: string): void {
  const [columns, types, rows] = [set['columns'], set['types'], set['rows'] ?? []]
  if (!Array.isArray(columns) || !Array.isArray(types) || columns.length !== types.length) {
    throw new Misfit(path, 'must have as many types as columns')
  }
  if (!Array.isArray(rows)) throw new Misfit(`${path}/rows`, 'must be a list')
  writer.uint(1, columns.length)
  for (const [at, column] of columns.entries()) writer.string(2, stringAt(`${path}/columns/${at}`, column))
  for (const [at, type] of types.entries()) writer.uint(3, typeNumberOf(typeAt(`${path}/types/${at}`, type, null)))
  for (const [at, row] of rows.entries()) {
    if (!Array.isArray(row) || row.length !== columns.length)
      throw new Misfit(`${path}/rows/${at}`, 'must have a cell for each column')
    writer.nested(4, (inner) => {
      for (const [column, cell] of row.entries()) {
        inner.nested(1, (value) => {
          if (isPresent(cell)) writeScalar(value, 1, String(types[column]), cell, `${path}/rows/${at}/${column}`)
        })
      }
    })
  }
}

function writeTemplate(writer: WireWriter, template: Given, path: string, depth: number): void {
  writeString(writer, 1, template['version'], `${path}/version`)
  for (const [name, metric] of entriesAt(`${path}/metrics`, template['metrics'] ?? {})) {
    writeMetric(writer, 2, name, metric, `${path}/metrics/${step(name)}`, depth + 1)
  }
  for (const [name, given] of entriesAt(`${path}/parameters`, template['parameters'] ?? {})) {
    const at = `${path}/parameters/${step(name)}`
    const parameter: Given = isObject(given) ? given : { value: given }
    const type = typeAt(at, parameter['type'], parameter['value'])
    writer.nested(3, (inner) => {
      inner.string(1, name)
      inner.uint(2, typeNumberOf(type))
      if (isPresent(parameter['value'])) writeScalar(inner, 3, type, parameter['value'], `${at}/value`)
    })
  }
  writeString(writer, 4, template['template_ref'], `${path}/template_ref`)
  if (isPresent(template['is_definition'])) writer.bool(5, template['is_definition'] === true)
}

/** The type that is given, else the nearest of the value. */
function typeAt(path: string, type: unknown, value: unknown): string {
  if (typeof type === 'string' && type !== 'Unknown') {
    if (typeNumberOf(type) > 0) return type
    throw new Misfit(`${path}/type`, `is no data type of Sparkplug B: ${JSON.stringify(type)}`)
  }
  if (isPresent(type) && type !== 'Unknown') throw new Misfit(`${path}/type`, 'must be the name of a data type')
  if (typeof value === 'boolean') return 'Boolean'
  if (typeof value === 'string') return 'String'
  if (typeof value === 'bigint') return value < 2n ** 63n ? 'Int64' : 'UInt64'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'Int64' : 'Double'
  if (value instanceof Uint8Array) return 'Bytes'
  throw new Misfit(path, 'has no type, and its value does not tell')
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null

const isObject = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

const step = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

function objectAt(path: string, value: unknown): Given {
  if (isObject(value)) return value
  throw new Misfit(path, 'must be an object')
}

const entriesAt = (path: string, value: unknown): [string, unknown][] => Object.entries(objectAt(path, value))

function stringAt(path: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new Misfit(path, 'must be a string')
}

function bytesAt(path: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new Misfit(path, 'must be bytes')
}

function writeString(writer: WireWriter, field: number, value: unknown, path: string): void {
  if (isPresent(value)) writer.string(field, stringAt(path, value))
}

function writeUint(writer: WireWriter, field: number, value: unknown, path: string): void {
  if (!isPresent(value)) return
  const bits = toBits(value, { bits: 64, signed: false })
  if (bits === null) throw new Misfit(path, 'must be an integer from 0')
  writer.uint(field, bits)
}
