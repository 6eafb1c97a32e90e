import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Delivery, TrestleError } from 'trestle/contract'
import { csvHeader, printRow } from './csv.ts'
import { printLine } from './lines.ts'
import type { FileOptions } from './options.ts'

/** How deliveries stand in a file. */
export interface Format {
  /** What names of files end in. */
  readonly ending: string
  /** What a file begins with; empty for nothing. */
  readonly header: Buffer
  /** A line feed ends each record, and stands nowhere else: a torn end can be found. */
  readonly isLines: boolean
  /** *Errors*: E606 for what cannot stand there. */
  print(delivery: Delivery): string | Buffer
  /** What goes to the disk for this; pieces that were packed one by one may stand one behind the other. */
  pack(bytes: Buffer): Promise<Buffer>
}

const compress = promisify(gzip)
const nothing = Buffer.alloc(0)

/** *Errors*: E109 for options that do not go together. */
export function formatOf(options: FileOptions): Format {
  const plain = formats[options.format](options)
  if (options.compression === 'none') return plain
  // Every batch is a member of its own (RFC 1952 §2.2), so that a file ends with a whole one wherever it is cut back to.
  return { ...plain, ending: `${plain.ending}.gz`, isLines: false, pack: (bytes) => compress(bytes) }
}

const formats: Readonly<Record<FileOptions['format'], (options: FileOptions) => Format>> = {
  jsonl: () => ({ ending: '.jsonl', header: nothing, isLines: true, print: printLine, pack: asItIs }),
  csv: ({ columns }) => {
    if (columns === undefined) {
      const advice = 'name them, such as [time, topic, payload.temperature]'
      throw new TrestleError('E109', 'format csv needs columns', { detail: { advice } })
    }
    const header = Buffer.from(csvHeader(columns))
    const print = (delivery: Delivery): string => printRow(columns, delivery)
    return { ending: '.csv', header, isLines: false, print, pack: asItIs }
  },
  raw: ({ framing, separator }) => {
    const end = Buffer.from(separator)
    const print = framing === 'length' ? withLength : (delivery: Delivery) => Buffer.concat([delivery.payload, end])
    return { ending: '.raw', header: nothing, isLines: false, print, pack: asItIs }
  },
}

const asItIs = (bytes: Buffer): Promise<Buffer> => Promise.resolve(bytes)

function withLength({ payload }: Delivery): Buffer {
  const bytes = Buffer.allocUnsafe(4 + payload.length)
  bytes.writeUInt32BE(payload.length)
  bytes.set(payload, 4)
  return bytes
}
