import type { ByteSource } from '../binary/byte-source.ts'
import { failRead, unread, unreadIn } from '../binary/failure.ts'
import { setOwn, templateOf } from '../binary/own-field.ts'
import { conversionOf } from './avro-logical.ts'
import type { AvroNode, RecordNode } from './avro-node.ts'
import { maxEmptyValues, type Size, type Sizes } from './avro-size.ts'
import { maxDepth } from './avro-writer.ts'

/** Reads one value of Avro's binary encoding; `unread` when there is none, with the reason in `failure`. */
export type Read = (source: ByteSource) => unknown

/** Turns the types of one schema into functions, each record once. */
export class AvroReaders {
  readonly #records = new Map<RecordNode, Read>()
  readonly #sizes: Sizes
  /** How deep a recursive type is in itself; the door sets it to 0. */
  depth = 0
  /** Values without bytes so far; the door sets it to 0. */
  empty = 0

  constructor(sizes: Sizes) {
    this.#sizes = sizes
  }

  of(node: AvroNode): Read {
    const read = this.#plain(node)
    if (!('logical' in node) || node.logical === null) return read
    const { show } = conversionOf(node.logical, node.kind === 'fixed' ? node.size : undefined)
    return (source) => {
      const stored = read(source)
      return stored === unread ? unread : show(stored)
    }
  }

  #plain(node: AvroNode): Read {
    switch (node.kind) {
      case 'fixed':
        return fixedReader(node.size)
      case 'enum':
        return enumReader(node.symbols)
      case 'array':
        return this.#array(node.items)
      case 'map':
        return this.#map(node.values)
      case 'union':
        return unionReader(node.branches.map((branch) => this.of(branch)))
      case 'record':
        return this.#record(node)
      default:
        return primitiveReaders[node.kind]
    }
  }

  #record(node: RecordNode): Read {
    const known = this.#records.get(node)
    if (known !== undefined) return known
    let read: Read = () => failRead('type', 'is of a type that is not ready')
    // Whoever meets the record while it is being made met it in itself.
    this.#records.set(node, (source) => {
      if (++this.depth > maxDepth) return failRead('depth', `is nested deeper than ${maxDepth}`)
      const value = read(source)
      this.depth--
      return value
    })
    read = recordReader(
      node.fields.map(({ name }) => name),
      node.fields.map((field) => this.of(field.node)),
    )
    this.#records.set(node, read)
    return read
  }

  #array(items: AvroNode): Read {
    const read = this.of(items)
    const size = this.#sizes.of(items)
    return (source) => {
      const list: unknown[] = []
      for (;;) {
        const count = this.#block(source, size)
        if (count === unread) return unread
        if (count === 0) return list
        for (let left = count; left > 0; left--) {
          const item = read(source)
          if (item === unread) return unreadIn(list.length)
          list.push(item)
        }
      }
    }
  }

  #map(values: AvroNode): Read {
    const read = this.of(values)
    const { bytes, empty } = this.#sizes.of(values)
    const size = { bytes: bytes + 1, empty }
    return (source) => {
      const map: Record<string, unknown> = {}
      for (;;) {
        const count = this.#block(source, size)
        if (count === unread) return unread
        if (count === 0) return map
        for (let left = count; left > 0; left--) {
          const name = primitiveReaders.string(source)
          if (name === unread) return unread
          const value = read(source)
          if (value === unread) return unreadIn(name as string)
          setOwn(map, name as string, value)
        }
      }
    }
  }

  /** The count of a block, 0 at the end, held against what is left to read. */
  #block(source: ByteSource, size: Size): number | typeof unread {
    let count = source.zigzag()
    if (count < 0) {
      // A negative count is followed by the block's length, for those who skip it.
      source.varint()
      count = -count
    }
    if (source.cutOff) return failRead('binary', 'is cut off')
    if (typeof count !== 'number' || count * size.bytes > source.left) {
      return failRead('binary', `says it has ${count} items, more than there are bytes`)
    }
    this.empty += count * size.empty
    if (this.empty > maxEmptyValues) return failRead('binary', `has more than ${maxEmptyValues} values without bytes`)
    return count
  }
}

const cutOff = (): typeof unread => failRead('binary', 'is cut off')

const primitiveReaders = {
  null: () => null,
  boolean(source: ByteSource) {
    const byte = source.byte()
    if (byte > 1) return failRead('binary', `is no boolean: byte ${byte}`)
    return source.cutOff ? cutOff() : byte === 1
  },
  int(source: ByteSource) {
    const value = source.zigzag()
    if (source.cutOff) return cutOff()
    return value === Number(value) && value === (value | 0)
      ? value
      : failRead('binary', `is no integer of 32 bits: ${value}`)
  },
  long(source: ByteSource) {
    const value = source.zigzag()
    return source.cutOff ? cutOff() : value
  },
  float(source: ByteSource) {
    const value = source.float()
    return source.cutOff ? cutOff() : value
  },
  double(source: ByteSource) {
    const value = source.double()
    return source.cutOff ? cutOff() : value
  },
  bytes(source: ByteSource) {
    const value = source.bytes(lengthOf(source))
    return source.cutOff ? cutOff() : value
  },
  string(source: ByteSource) {
    const value = source.text(lengthOf(source))
    if (source.cutOff) return cutOff()
    return value ?? failRead('binary', 'is not UTF-8')
  },
} as const satisfies Record<string, Read>

/** A length; -1, which counts as cut off, when there is none that could be. */
function lengthOf(source: ByteSource): number {
  const length = source.zigzag()
  return typeof length === 'number' && length <= source.left ? length : -1
}

const fixedReader =
  (size: number): Read =>
  (source) => {
    const value = source.bytes(size)
    return source.cutOff ? cutOff() : value
  }

function enumReader(symbols: readonly string[]): Read {
  return (source) => {
    const index = source.zigzag()
    if (source.cutOff) return cutOff()
    return symbols[index as number] ?? failRead('binary', `names symbol ${index} of ${symbols.length}`)
  }
}

function unionReader(readers: readonly Read[]): Read {
  return (source) => {
    const index = source.zigzag()
    if (source.cutOff) return cutOff()
    const read = readers[index as number]
    return read === undefined ? failRead('binary', `names branch ${index} of ${readers.length}`) : read(source)
  }
}

function recordReader(names: readonly string[], readers: readonly Read[]): Read {
  const template = templateOf(names)
  return (source) => {
    const record = { ...template }
    for (let at = 0; at < names.length; at++) {
      const value = readers[at]!(source)
      if (value === unread) return unreadIn(names[at]!)
      record[names[at]!] = value
    }
    return record
  }
}
