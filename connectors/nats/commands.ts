import type { NatsConnection } from '@nats-io/transport-node'
import { HeaderBlock } from './headers.ts'

/** The part of the library's connection that takes finished commands; it is not in its types. */
interface Raw {
  readonly protocol?: { sendCommand?(bytes: Uint8Array): void }
}

const startBytes = 1 << 18
/** What a command line has beside its subjects: the verb, two sizes, spaces and line ends. */
const lineBytes = 64

/**
 * Writes many commands into one buffer and hands it over whole: one write of the socket for a batch, where the library
 * makes five objects and a promise of each message. Where the library has no door for that, its own `publish` is used.
 *
 * ```
 * HPUB <subject> [reply] <header bytes> <total bytes> CR LF  header block  payload  CR LF
 * PUB <subject> [reply] <total bytes> CR LF  payload  CR LF
 * ```
 * *Source*: NATS docs, "Client protocol". Subjects must have been checked: what is written is not looked at again.
 */
export class CommandWriter {
  readonly #connection: NatsConnection
  readonly #protocol: { sendCommand(bytes: Uint8Array): void } | null
  readonly #block = new HeaderBlock()
  #buffer: Buffer | null = null
  /** Where the bytes begin that were not handed over yet, and where they end. */
  #start = 0
  #end = 0

  constructor(connection: NatsConnection) {
    this.#connection = connection
    const { protocol } = connection as Raw
    this.#protocol =
      typeof protocol?.sendCommand === 'function' ? (protocol as { sendCommand(b: Uint8Array): void }) : null
  }

  /** *Shape*: `block` is a whole header block, in ASCII. */
  message(subject: string, reply: string | null, block: string, payload: Uint8Array): void {
    const to = reply === null ? subject : `${subject} ${reply}`
    if (this.#protocol === null) {
      this.#block.bytes = Buffer.from(block, 'latin1')
      const headers = this.#block.asHeaders
      this.#connection.publish(subject, payload, reply === null ? { headers } : { headers, reply })
      return
    }
    const size = block.length + payload.length
    const buffer = this.#room(to.length * 3 + size + lineBytes)
    let end = this.#end
    end += buffer.write(`HPUB ${to} ${block.length} ${size}\r\n`, end, 'utf8')
    end += buffer.write(block, end, 'latin1')
    buffer.set(payload, end)
    end += payload.length
    buffer[end++] = 0x0d
    buffer[end++] = 0x0a
    this.#end = end
  }

  /** A message that is one short ASCII word, and nothing else. */
  word(subject: string, word: string): void {
    if (this.#protocol === null) {
      this.#connection.publish(subject, word)
      return
    }
    const buffer = this.#room(subject.length * 3 + word.length + lineBytes)
    this.#end += buffer.write(`PUB ${subject} ${word.length}\r\n${word}\r\n`, this.#end, 'utf8')
  }

  /** Hands over what was written. The library sends it at the end of this turn. */
  send(): void {
    if (this.#buffer === null || this.#end === this.#start) return
    this.#protocol!.sendCommand(this.#buffer.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  /** All that was handed over has reached the server: its room may be used again. */
  reuse(): void {
    this.#start = 0
    this.#end = 0
  }

  #room(bytes: number): Buffer {
    if (this.#buffer === null || this.#end + bytes > this.#buffer.length) {
      this.send()
      const size = Math.max(bytes, Math.min(1 << 20, (this.#buffer?.length ?? startBytes >> 1) * 2))
      this.#buffer = Buffer.allocUnsafeSlow(size)
      this.reuse()
    }
    return this.#buffer
  }
}
