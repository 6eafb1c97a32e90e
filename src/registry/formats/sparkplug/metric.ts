import { readDataSet } from './data-set.ts'
import type { TypeName } from './data-type.ts'
import { type Budget, type Fields, plainValue, readScalar, typeOf, type WireValue } from './plain-value.ts'
import { readPropertySet } from './property-set.ts'
import { readTemplate } from './template.ts'
import { Malformed, type WireReader } from './wire-reader.ts'

export type Alias = number | bigint

/** A metric as plain data. *Shape*: what is not in the payload is not there; times in milliseconds since 1970. */
export interface Metric {
  readonly name: string
  readonly value: unknown
  readonly type: TypeName
  readonly timestamp?: number | bigint
  readonly alias?: Alias
  readonly is_historical?: boolean
  readonly is_transient?: boolean
  readonly metadata?: Fields
  readonly properties?: Fields
}

/** What a birth has said of a metric. */
export interface Known {
  readonly name: string
  /** The data type's number; null when it was not told. */
  readonly type: number | null
}

/** Who a metric is, by name or alias; null when nobody has said. */
export type Recognise = (name: string | null, alias: Alias | null) => Known | null

/** A metric that no birth has named. */
export class UnknownMetric extends Error {}

interface Parts {
  name: string | null
  alias: Alias | null
  timestamp: number | bigint | null
  type: number | null
  historical: boolean
  transient: boolean
  isNull: boolean
  metadata: WireReader | null
  properties: WireReader | null
  value: WireValue | null
  dataSet: WireReader | null
  template: WireReader | null
}

/** *Source*: Sparkplug 3.0, 6.4.6. *Errors*: Malformed, UnknownMetric. */
export function readMetric(reader: WireReader, budget: Budget, recognise: Recognise, depth: number): Metric {
  budget.spend(depth)
  const parts = readParts(reader)
  const known = recognise(parts.name, parts.alias)
  if (known === null)
    throw new UnknownMetric(
      parts.alias === null ? 'has neither a name nor an alias' : `alias ${parts.alias} is of no birth that was seen`,
    )
  const type = typeOf(parts.type ?? known.type)
  const metric: { -readonly [K in keyof Metric]: Metric[K] } = {
    name: known.name,
    value: parts.isNull ? null : valueIn(type, parts, budget, depth),
    type,
  }
  if (parts.timestamp !== null) metric.timestamp = parts.timestamp
  if (parts.alias !== null) metric.alias = parts.alias
  if (parts.historical) metric.is_historical = true
  if (parts.transient) metric.is_transient = true
  if (parts.metadata !== null) metric.metadata = readMetadata(parts.metadata)
  if (parts.properties !== null) metric.properties = readPropertySet(parts.properties, budget, depth + 1)
  return metric
}

function readParts(reader: WireReader): Parts {
  const parts: Parts = {
    name: null,
    alias: null,
    timestamp: null,
    type: null,
    historical: false,
    transient: false,
    isNull: false,
    metadata: null,
    properties: null,
    value: null,
    dataSet: null,
    template: null,
  }
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 10) parts.name = reader.string()
    else if (tag === 16) parts.alias = reader.uint64()
    else if (tag === 24) parts.timestamp = reader.uint64()
    else if (tag === 32) parts.type = reader.uint32()
    else if (tag === 40) parts.historical = reader.bool()
    else if (tag === 48) parts.transient = reader.bool()
    else if (tag === 56) parts.isNull = reader.bool()
    else if (tag === 66) parts.metadata = reader.nested()
    else if (tag === 74) parts.properties = reader.nested()
    else if (tag === 130) parts.value = { form: 'nested', value: reader.nested() }
    else if (tag === 138) parts.dataSet = reader.nested()
    else if (tag === 146) parts.template = reader.nested()
    else {
      const scalar = readScalar(reader, tag, 10)
      if (scalar === null) reader.skip(tag & 7)
      else parts.value = scalar
    }
  }
  return parts
}

function valueIn(type: TypeName, { value, dataSet, template }: Parts, budget: Budget, depth: number): unknown {
  if (dataSet !== null) {
    if (type !== 'DataSet' && type !== 'Unknown')
      throw new Malformed(`has a data set where a value of type ${type} belongs`)
    return readDataSet(dataSet, budget, depth + 1)
  }
  if (template !== null) {
    if (type !== 'Template' && type !== 'Unknown')
      throw new Malformed(`has a template where a value of type ${type} belongs`)
    return readTemplate(template, budget, (reader, below) => readMetric(reader, budget, byName, below), depth + 1)
  }
  return value === null ? null : plainValue(type, value)
}

/** Members of a template say their own names. */
const byName: Recognise = (name) => (name === null ? null : { name, type: null })

/** *Source*: Sparkplug 3.0, 6.4.9. */
function readMetadata(reader: WireReader): Fields {
  const metadata: Fields = {}
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 8) metadata['is_multi_part'] = reader.bool()
    else if (tag === 18) metadata['content_type'] = reader.string()
    else if (tag === 24) metadata['size'] = reader.uint64()
    else if (tag === 32) metadata['seq'] = reader.uint64()
    else if (tag === 42) metadata['file_name'] = reader.string()
    else if (tag === 50) metadata['file_type'] = reader.string()
    else if (tag === 58) metadata['md5'] = reader.string()
    else if (tag === 66) metadata['description'] = reader.string()
    else reader.skip(tag & 7)
  }
  return metadata
}
