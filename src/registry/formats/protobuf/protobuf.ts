import type { ManyMessages, SchemaBody } from '../../schema.ts'
import { binaryBody } from '../binary/binary-body.ts'
import { source } from '../binary/byte-source.ts'
import { type Format, type FormatFault, faultAt, type ReferencedSchema } from '../format.ts'
import { type Linked, linkProto } from './proto-linker.ts'
import type { MessageNode } from './proto-node.ts'
import { ProtoReaders } from './proto-reader.ts'
import { protoShape } from './proto-shape.ts'
import { canonicalProto, normalProto } from './proto-text.ts'
import { maxFields, ProtoWriters } from './proto-writer.ts'

/**
 * Protobuf's binary encoding as plain data, both ways: proto2, proto3 and the editions 2023 and 2024.
 *
 * It promises: fields by their names in the file (going in, also by those of Protobuf's JSON), enums by theirs,
 * integers of 64 bits exact, bytes as bytes, times and durations as text, wrappers and `Struct` as what they hold; what
 * is zero and what is not there look alike where the file says so, and are shown as zero. There is no code generation,
 * nothing is fetched, and no length is believed. Unknown fields, extensions, services and custom options are read over.
 *
 * `proto-token`, `proto-parser` and `proto-option` read a file; `proto-linker`, `proto-features` and `proto-field`
 * resolve its names into `proto-node`s; `proto-writer` and `proto-reader` turn these into functions, once, with
 * `proto-scalar`, `proto-skip` and the `well-known-…` files as their parts; `proto-shape` tells the checker of
 * expressions; `proto-text` prints a file so that equal ones are equal.
 */
export const protobufFormat: Format = {
  name: 'protobuf',
  extension: 'proto',
  contentType: 'application/x-protobuf',
  compile: compileProtobuf,
  canonical: canonicalProto,
  normalize: normalProto,
}

/** A body stands for the first message of its file; `select` gives the others. */
function compileProtobuf(text: string, references: readonly ReferencedSchema[]): ManyMessages | FormatFault[] {
  const linked = linkProto(text, references)
  if ('code' in linked) return [linked]
  const [first] = linked
  return first === undefined ? [faultAt([], 'declares no message')] : manyMessages(first, linked)
}

function manyMessages(first: MessageNode, linked: Linked): ManyMessages {
  const body = messageBody(first)
  const others = new Map<string, SchemaBody>([[first.name, body]])
  const messages = linked.map(({ name, indexes }) => ({ name, indexes }))
  return Object.assign(Object.create(body) as SchemaBody, {
    messages: () => messages,
    select(name: string): SchemaBody | null {
      const known = others.get(name)
      if (known !== undefined) return known
      const node = linked.find((message) => message.name === name)
      if (node === undefined) return null
      const made = messageBody(node)
      others.set(name, made)
      return made
    },
  })
}

function messageBody(node: MessageNode): SchemaBody {
  const writers = new ProtoWriters()
  const readers = new ProtoReaders()
  const read = readers.message(node)
  return binaryBody({
    beginWrite() {
      writers.depth = 0
      writers.left = maxFields
    },
    write: writers.message(node),
    read(bytes) {
      source.open(bytes)
      readers.begin(bytes.length)
      return read(source)
    },
    shape: () => protoShape(node),
  })
}
