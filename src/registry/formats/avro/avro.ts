import type { SchemaBody } from '../../schema.ts'
import { binaryBody } from '../binary/binary-body.ts'
import { source } from '../binary/byte-source.ts'
import { failRead, unread } from '../binary/failure.ts'
import type { Format, FormatFault, ReferencedSchema } from '../format.ts'
import { Defaults } from './avro-default.ts'
import type { AvroNode } from './avro-node.ts'
import { normalAvro } from './avro-normal.ts'
import { isFault, parseAvro } from './avro-parser.ts'
import type { Write } from './avro-primitive.ts'
import { AvroReaders } from './avro-reader.ts'
import { avroShape } from './avro-shape.ts'
import { Sizes, unbounded } from './avro-size.ts'
import { beginAttempts } from './avro-union.ts'
import { AvroWriters, maxFields } from './avro-writer.ts'

/**
 * Avro's binary encoding as plain data, both ways.
 *
 * It promises: what is read is what was written, integers of 64 bits and times to the nanosecond included; unions are
 * plain values; what a value lacks is filled from the schema; no length is believed, no name becomes code (there is no
 * code generation at all), and `__proto__` is a field like any other. It does not resolve one schema into another: a
 * payload is read with the schema it was written with, which its frame names.
 *
 * `avro-parser` reads the schema into `avro-node`s; `avro-writer` and `avro-reader` turn these into functions, once;
 * `avro-primitive`, `avro-union`, `avro-logical` and `avro-default` are their parts; `avro-size` bounds what a payload
 * may cost; `avro-shape` tells the checker of expressions; `avro-normal` prints a schema so that equal ones are equal.
 *
 * *Source*: Apache Avro 1.12 specification.
 */
export const avroFormat: Format = {
  name: 'avro',
  extension: 'avsc',
  contentType: 'application/avro',
  compile: compileAvro,
  // Avro's own libraries print a schema so, whatever was read.
  canonical: normalAvro,
  normalize: normalAvro,
}

function compileAvro(text: string, references: readonly ReferencedSchema[]): SchemaBody | FormatFault[] {
  const node = parseAvro(text, references)
  if (isFault(node)) return [node]
  const sizes = new Sizes()
  const endless = unbounded(node, sizes)
  if (endless !== null) return [endless]
  const defaults = new Defaults()
  const writers = new AvroWriters(defaults)
  const write = writers.of(node)
  if (defaults.faults.length > 0) return defaults.faults
  return avroBody(node, writers, write, sizes)
}

function avroBody(node: AvroNode, writers: AvroWriters, write: Write, sizes: Sizes): SchemaBody {
  const readers = new AvroReaders(sizes)
  const read = readers.of(node)
  return binaryBody({
    beginWrite() {
      writers.depth = 0
      writers.left = maxFields
      beginAttempts()
    },
    write,
    read(bytes) {
      source.open(bytes)
      readers.depth = 0
      readers.empty = 0
      const value = read(source)
      if (value === unread || source.left === 0) return value
      return failRead('binary', `has ${source.left} bytes too many`)
    },
    shape: () => avroShape(node),
  })
}
