import type { ByteSink } from '../binary/byte-sink.ts'
import { fail, told } from '../binary/failure.ts'
import { integerOf } from '../binary/integer.ts'
import type { AvroNode, UnionNode } from './avro-node.ts'
import { listed, type Write } from './avro-primitive.ts'

/**
 * Unions of plain values, without Avro's `{"string": …}` around them. The branch is chosen by the value's shape:
 *
 * 1. of the branches that can hold a value of its kind at all, in the order of the schema;
 * 2. for a text: `bytes` and `fixed`, which would take it for base64, come last;
 * 3. for a whole number beyond 2^53: `int` and `long` come first; a `float` beside a `double` takes only what it holds exactly;
 * 4. for an object: records that know all of its fields come before those that would leave some out;
 * 5. the first branch into which the value can be written whole.
 */
export function unionWriter(node: UnionNode, writers: readonly Write[]): Write {
  const branches = node.branches.map((branch, index) => branchOf(branch, index, writers[index]!, node))
  const [only, second] = branches.filter(({ node: { kind } }) => kind !== 'null')
  const nullIndex = node.branches.findIndex(({ kind }) => kind === 'null')
  if (nullIndex >= 0 && only !== undefined && second === undefined) return nullable(only, nullIndex)
  const candidates = new Map(valueKinds.map((kind) => [kind, inOrder(branches, kind)]))
  const misfits = new Map(
    [...candidates].map(([kind, able]) => [kind, `fits none of ${listed(able.map((branch) => nameOf(branch.node)))}`]),
  )
  const names = listed(node.branches.map(nameOf))
  return (sink, given) => {
    const value = unpacked(given)
    const kind = kindOf(value)
    const able = candidates.get(kind)!
    if (able.length === 0) return fail('union', `must be one of ${names}, not ${told(value)}`)
    if (able.length === 1) {
      sink.zigzag(able[0]!.index)
      return able[0]!.write(sink, value)
    }
    const written = kind === 'object' ? writeObject(sink, able, value as object) : writeFirst(sink, able, value, null)
    return written || (attempts >= 0 ? fail('union', misfits.get(kind)!) : fail('union', spent))
  }
}

/** First the branches that know all fields of the object, then the others. */
function writeObject(sink: ByteSink, able: readonly Branch[], value: object): boolean {
  attempts -= able.length / 100
  const knowing = able.map((branch) => knows(branch, value))
  return writeFirst(sink, able, value, (at) => knowing[at]!) || writeFirst(sink, able, value, (at) => !knowing[at]!)
}

function writeFirst(sink: ByteSink, able: readonly Branch[], value: unknown, wanted: ((at: number) => boolean) | null) {
  const start = sink.position
  for (let at = 0; at < able.length; at++) {
    const { index, holds, write } = able[at]!
    if ((wanted !== null && !wanted(at)) || !holds(value)) continue
    // Unions in unions try each other's branches; what that may cost is bounded. Plain values cost nothing.
    if (typeof value === 'object' && --attempts < 0) return false
    sink.zigzag(index)
    if (write(sink, value)) {
      attempts++
      return true
    }
    attempts -= (sink.position - start) >> 10
    sink.position = start
  }
  return false
}

const spent = 'takes too many attempts to fit into its unions'

/** How many branches one payload may try in vain where several come into question; a KiB written in vain counts as one more. */
const maxAttempts = 5_000
let attempts = maxAttempts

/** Begins another payload. */
export function beginAttempts(): void {
  attempts = maxAttempts
}

interface Branch {
  readonly node: AvroNode
  readonly index: number
  readonly write: Write
  /** For numbers: whether the branch holds this one exactly. */
  readonly holds: (value: unknown) => boolean
  /** The names of a record's fields; null for other types. */
  readonly fields: ReadonlySet<string> | null
}

function branchOf(node: AvroNode, index: number, write: Write, union: UnionNode): Branch {
  const fields = node.kind === 'record' ? new Set(node.fields.map(({ name }) => name)) : null
  return { node, index, write, holds: holdsOf(node, union), fields }
}

function holdsOf(node: AvroNode, union: UnionNode): (value: unknown) => boolean {
  if (node.kind === 'float' && union.branches.some(({ kind }) => kind === 'double')) {
    return (value) => Object.is(Math.fround(Number(value)), Number(value))
  }
  // Asked first, because failing costs more.
  if (node.kind === 'int') return (value) => typeof value !== 'number' || value === (value | 0)
  if (node.kind === 'long') return (value) => typeof value !== 'number' || Number.isSafeInteger(value)
  return () => true
}

/** Null or one other type, the commonest union: what is not null must be of that type, and is told what it lacks. */
function nullable({ index, write }: Branch, nullIndex: number): Write {
  return (sink, value) => {
    if (value === null || value === undefined) {
      sink.zigzag(nullIndex)
      return true
    }
    sink.zigzag(index)
    return write(sink, value)
  }
}

type ValueKind = (typeof valueKinds)[number]
const valueKinds = ['null', 'boolean', 'number', 'bigint', 'string', 'bytes', 'list', 'object'] as const

function kindOf(value: unknown): ValueKind {
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'bigint':
    case 'string':
      return typeof value as ValueKind
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return 'list'
      return value instanceof Uint8Array ? 'bytes' : 'object'
    default:
      return 'null'
  }
}

/** Integers that JSON must print in full, and times of the expressions, come as objects. */
function unpacked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function' && !(value instanceof Uint8Array)) return toJSON.call(value)
  return integerOf(value) ?? value
}

/** The branches that can hold a value of a kind, the likeliest first. */
function inOrder(branches: readonly Branch[], kind: ValueKind): Branch[] {
  const able = branches.filter(({ node }) => kindsOf(node).includes(kind))
  const last = ({ node }: Branch): boolean =>
    kind === 'string' ? isBytes(node) : kind === 'bigint' && node.kind !== 'int' && node.kind !== 'long'
  return [...able.filter((branch) => !last(branch)), ...able.filter(last)]
}

const isBytes = (node: AvroNode): boolean => (node.kind === 'bytes' || node.kind === 'fixed') && node.logical === null

const numbers: readonly ValueKind[] = ['number', 'bigint']

function kindsOf(node: AvroNode): readonly ValueKind[] {
  const logical = 'logical' in node ? node.logical : null
  if (logical?.kind === 'duration') return ['object']
  if (logical?.kind === 'decimal') return ['string', ...numbers]
  if (logical?.kind === 'uuid') return ['string']
  switch (node.kind) {
    case 'null':
    case 'boolean':
      return [node.kind]
    case 'int':
    case 'long':
      return logical === null ? numbers : [...numbers, 'string']
    case 'float':
    case 'double':
      return numbers
    case 'string':
    case 'enum':
      return ['string']
    case 'bytes':
    case 'fixed':
      return ['bytes', 'string']
    case 'array':
      return ['list']
    default:
      return ['object']
  }
}

const nameOf = (node: AvroNode): string =>
  'name' in node ? node.name : 'logical' in node && node.logical !== null ? node.logical.kind : node.kind

/** Whether nothing of an object would be left out. */
const knows = ({ fields }: Branch, value: object): boolean =>
  fields === null || Object.keys(value).every((name) => fields.has(name))
