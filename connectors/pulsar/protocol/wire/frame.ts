/**
 * Frames. Each way, the stream is a row of them:
 *
 *     simple    +-----------+-------------+-------------+
 *               | total u32 | command u32 | BaseCommand |
 *               +-----------+-------------+-------------+
 *     payload   +-----------+-------------+-------------+--------------------------+
 *               | total u32 | command u32 | BaseCommand | entry (SEND, MESSAGE):   |
 *               +-----------+-------------+-------------+ see entry.ts             |
 *                                                       +--------------------------+
 *
 * `total` counts all behind itself, `command` the BaseCommand alone; both big-endian. BaseCommand is protobuf: field 1
 * the type, then one field whose number is the type, with the command's own message.
 */
import { PulsarFault } from '../fault.ts'
import { type Command, type CommandBody, type CommandName, commandOf, commands } from './commands.ts'
import { WireReader } from './reader.ts'
import type { Shape } from './shape.ts'
import type { WireWriter } from './writer.ts'

/** The largest message of a broker that does not say: 5 MiB, and room for what stands around it. */
export const defaultMaxMessageBytes = 5 * 1024 * 1024
const frameRoomBytes = 64 * 1024

/** Writes a frame without payload. */
export function writeCommand<Name extends CommandName>(
  writer: WireWriter,
  name: Name,
  values: Partial<CommandBody<Name>>,
): void {
  const start = writer.at
  writer.uint32(0)
  writer.uint32(0)
  const { number, body } = commands[name]
  writer.byte(8)
  writer.varint(number)
  writer.varint((number << 3) | 2)
  const mark = writer.begin()
  ;(body as unknown as Shape<CommandBody<Name>>).encode(writer, values)
  writer.end(mark)
  writer.putUint32(start, writer.at - start - 4)
  writer.putUint32(start + 4, writer.at - start - 8)
}

/** A frame as it was read: `entryAt` to `bytes.length` is what stands behind the command (nothing in a simple one). */
export interface Frame {
  /** null: a command this client does not speak. */
  readonly command: Command | null
  readonly bytes: Buffer
  readonly entryAt: number
}

/** Reads one whole frame. *Errors*: PulsarFault `protocol`. */
export function readFrame(bytes: Buffer): Frame {
  const commandEnd = 8 + (bytes.length >= 8 ? bytes.readUInt32BE(4) : 0)
  if (commandEnd < 9 || commandEnd > bytes.length) {
    throw new PulsarFault('protocol', '', 'a frame is shorter than its command')
  }
  const reader = new WireReader(bytes, 8, commandEnd)
  let command: Command | null = null
  while (reader.at < commandEnd) {
    const tag = reader.varint()
    const name = (tag & 7) === 2 ? commandOf(tag >>> 3) : null
    if (name === null) {
      reader.skip(tag & 7)
      continue
    }
    const end = reader.limit()
    command = { name, body: commands[name].body.decode(reader, end) } as Command
  }
  return { command, bytes, entryAt: commandEnd }
}

/**
 * Cuts a stream into whole frames. A frame that came in one chunk is a view of it; only one that came in pieces is
 * copied together.
 */
export class FrameCutter {
  /** The largest frame to expect; more is taken for a peer that does not speak this protocol. */
  maxFrameBytes = defaultMaxMessageBytes + frameRoomBytes
  #parts: Buffer[] = []
  #gathered = 0
  #needed = 0

  /** The broker's own limit of a message. */
  expect(maxMessageBytes: number): void {
    this.maxFrameBytes = maxMessageBytes + frameRoomBytes
  }

  /** Calls `take` for each frame that is whole now. *Errors*: PulsarFault `protocol`, and what `take` throws. */
  push(chunk: Buffer, take: (frame: Buffer) => void): void {
    let rest = chunk
    if (this.#gathered > 0) {
      this.#parts.push(chunk)
      this.#gathered += chunk.length
      if (this.#gathered < this.#needed) return
      rest = Buffer.concat(this.#parts)
      this.#parts = []
      this.#gathered = 0
    }
    let at = 0
    while (rest.length - at >= 4) {
      const end = at + 4 + this.#checked(rest.readUInt32BE(at))
      if (end > rest.length) {
        this.#needed = end - at
        break
      }
      take(rest.subarray(at, end))
      at = end
      this.#needed = 4
    }
    if (at === rest.length) return
    if (rest.length - at < 4) this.#needed = 4
    this.#parts.push(rest.subarray(at))
    this.#gathered = rest.length - at
  }

  #checked(size: number): number {
    if (size <= this.maxFrameBytes) return size
    const words = `a frame of ${size} bytes is above ${this.maxFrameBytes}: is this the port of Pulsar's binary protocol?`
    throw new PulsarFault('protocol', '', words)
  }
}
