import type { Msg } from '@nats-io/transport-node'
import { type Receipt, TrestleError } from 'trestle/contract'
import { fromApiError, noStream } from './errors.ts'

/** A Receipt that says where the message is, in words only when someone asks. */
export class Stored implements Receipt {
  readonly outcome = 'delivered'
  readonly error = null
  readonly #stream: string
  readonly #sequence: number

  constructor(stream: string, sequence: number) {
    this.#stream = stream
    this.#sequence = sequence
  }

  get place(): string {
    return `${this.#stream}@${this.#sequence}`
  }
}

/** JetStream's number for a message that named another last message id than the stream has. */
const wrongLastId = 10070

/** The message before it is not in the stream, or another writer came between: it may be sent again. */
export const outOfTurn = new TrestleError('E607', 'the message before it is not the last of the stream')

const begin = Buffer.from('{"stream":"')
const quote = 0x22

/**
 * Reads what a stream answers to a publish. The usual answer is read byte by byte; all others as JSON.
 *
 * ```
 * {"stream":"NAME", "seq":12}    {"stream":"NAME","seq":12,"duplicate": true}    {"error":{"code":…},…}
 * ```
 */
export class AckReader {
  #name: Buffer = Buffer.alloc(0)
  #stream = ''

  /** `subject`: where it was published to. A duplicate is stored, too. */
  read(message: Msg, subject: string): Stored | TrestleError {
    const { data } = message
    if (data.length === 0) return emptyAnswer(message, subject)
    for (let at = 0; at < begin.length; at++) if (data[at] !== begin[at]) return otherAnswer(data, subject)
    const end = data.indexOf(quote, begin.length)
    let sequence = 0
    let at = end + 1
    while (at < data.length && !isDigit(data[at]!)) at++
    for (; at < data.length && isDigit(data[at]!); at++) sequence = sequence * 10 + (data[at]! - 0x30)
    if (end < 0 || sequence === 0) return otherAnswer(data, subject)
    return new Stored(this.#nameOf(data, end), sequence)
  }

  #nameOf(data: Uint8Array, end: number): string {
    const length = end - begin.length
    let same = length === this.#name.length
    for (let at = 0; same && at < length; at++) same = data[begin.length + at] === this.#name[at]
    if (!same) {
      this.#name = Buffer.from(data.subarray(begin.length, end))
      this.#stream = this.#name.toString('utf8')
    }
    return this.#stream
  }
}

interface RawMessage {
  readonly _msg?: { readonly subject?: Uint8Array }
}

/** The number behind the first `from` bytes of a message's subject; read from its bytes where the library lets one see them. */
export function numberAfter(message: Msg, from: number): number {
  const bytes = (message as unknown as RawMessage)._msg?.subject
  if (bytes === undefined) return Number(message.subject.slice(from))
  let number = 0
  for (let at = from; at < bytes.length; at++) {
    if (!isDigit(bytes[at]!)) return Number.NaN
    number = number * 10 + (bytes[at]! - 0x30)
  }
  return number
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

/** No payload: the server's own word that nobody listens to the subject. */
function emptyAnswer(message: Msg, subject: string): TrestleError {
  if (message.headers?.code === 503) return noStream(subject)
  return new TrestleError('E608', `${subject}: an empty answer`)
}

function otherAnswer(data: Uint8Array, subject: string): TrestleError {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
  let answer: { error?: { code?: number; err_code?: number; description?: string } }
  try {
    answer = JSON.parse(text) as typeof answer
  } catch {
    // Whoever answers so is no stream: something else listens to the subject.
    return new TrestleError('E604', `${subject}: an answer that is not JetStream's`, {
      detail: { place: subject, advice: 'something else than a stream answers on this subject; use `mode: core`' },
    })
  }
  const { error } = answer
  if (error === undefined) return noStream(subject)
  return error.err_code === wrongLastId ? outOfTurn : fromApiError(error, subject)
}
