import { type FormatFault, faultAt } from '../format.ts'
import type { AvroNode, RecordNode } from './avro-node.ts'

/** Values without bytes (null, empty records) that one payload may hold: a list of them costs its sender nothing. */
export const maxEmptyValues = 100_000

/** What a type takes at least in a payload. */
export interface Size {
  /** *Unit*: bytes. */
  readonly bytes: number
  /** Values that take no bytes. */
  readonly empty: number
}

/** Sizes of the types of one schema; a record is measured once. */
export class Sizes {
  readonly #records = new Map<RecordNode, Size>()

  of(node: AvroNode): Size {
    switch (node.kind) {
      case 'null':
        return { bytes: 0, empty: 1 }
      case 'float':
        return { bytes: 4, empty: 0 }
      case 'double':
        return { bytes: 8, empty: 0 }
      case 'fixed':
        return { bytes: node.size, empty: node.size === 0 ? 1 : 0 }
      case 'record':
        return this.#record(node)
      default:
        return { bytes: 1, empty: 0 }
    }
  }

  #record(node: RecordNode): Size {
    const known = this.#records.get(node)
    if (known !== undefined) return known
    // A record that stands directly in itself has no end; whoever reads it runs out of bytes or depth.
    this.#records.set(node, { bytes: 1, empty: 0 })
    let bytes = 0
    let empty = 0
    for (const field of node.fields) {
      const size = this.of(field.node)
      bytes = Math.min(bytes + size.bytes, 2 ** 31)
      empty = Math.min(empty + size.empty, 2 ** 31)
    }
    const size = { bytes, empty: bytes === 0 ? empty + 1 : empty }
    this.#records.set(node, size)
    return size
  }
}

/** A schema whose smallest payload is endless, or deep, or has far more values than bytes; null when it is sound. */
export function unbounded(root: AvroNode, sizes: Sizes): FormatFault | null {
  try {
    return findUnbounded(root, sizes)
  } catch (thrown) {
    // Chains of thousands of named types exhaust the stack of whoever walks them.
    if (thrown instanceof RangeError) return tooDeep
    throw thrown
  }
}

function findUnbounded(root: AvroNode, sizes: Sizes): FormatFault | null {
  const records = recordsOf(root)
  for (const record of records) {
    if (standsInItself(record)) return faultAt([], `record ${record.name} contains itself without an end`)
    if (sizes.of(record).empty > maxEmptyValues) {
      return faultAt([], `record ${record.name} holds more than ${maxEmptyValues} values without bytes`, 'E303')
    }
  }
  return depthOf(root, new Map()) > maxNesting ? tooDeep : null
}

/** Types in types, whether they are written so or named: whoever reads a payload goes as deep. */
const maxNesting = 200
const tooDeep = faultAt([], `types stand in types more than ${maxNesting} deep`, 'E303')

/** A record that stands in itself counts once. */
function depthOf(node: AvroNode, known: Map<AvroNode, number>): number {
  const measured = known.get(node)
  if (measured !== undefined) return measured
  if (node.kind === 'record') known.set(node, 0)
  const parts = partsOf(node)
  let depth = 0
  for (const part of parts) depth = Math.max(depth, depthOf(part, known))
  if (parts.length > 0) depth++
  if (node.kind === 'record') known.set(node, depth)
  return depth
}

function partsOf(node: AvroNode): readonly AvroNode[] {
  if (node.kind === 'array') return [node.items]
  if (node.kind === 'map') return [node.values]
  if (node.kind === 'union') return node.branches
  return node.kind === 'record' ? node.fields.map((field) => field.node) : []
}

function recordsOf(root: AvroNode): Set<RecordNode> {
  const found = new Set<RecordNode>()
  const visit = (node: AvroNode): void => {
    if (node.kind === 'record') {
      if (found.has(node)) return
      found.add(node)
    }
    for (const part of partsOf(node)) visit(part)
  }
  visit(root)
  return found
}

function standsInItself(record: RecordNode): boolean {
  const seen = new Set<RecordNode>()
  const reaches = (node: RecordNode): boolean =>
    node.fields.some((field) => {
      if (field.node.kind !== 'record') return false
      if (field.node === record) return true
      if (seen.has(field.node)) return false
      seen.add(field.node)
      return reaches(field.node)
    })
  return reaches(record)
}
