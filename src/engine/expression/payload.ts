import { Buffer, isUtf8 } from 'node:buffer'
import type { Message } from '../../contract/message.ts'
import { failed } from './value.ts'

/** Why a payload could not be read. */
export interface DecodeFault {
  /** E401 when a schema said so, else E402. */
  readonly code: 'E401' | 'E402' | 'E409'
  /** For the publisher. */
  readonly reason: string
  /** Where it breaks its schema, and which word of the schema says so. */
  readonly field?: string
  readonly keyword?: string
}

/** One way to make data of a message's payload; a message is decoded once by each, however many rules look at it. */
export interface PayloadDecoder {
  /** `failed` when it cannot be read; `fault` says why. */
  decode(message: Message): unknown
  /** Why the last `decode` could not; read right after it. */
  readonly fault: DecodeFault
}

/** JSON text, which payloads are taken for when nothing else is said. */
class JsonPayload implements PayloadDecoder {
  fault: DecodeFault = { code: 'E402', reason: '' }

  decode({ payload }: Message): unknown {
    try {
      return JSON.parse(textOf(payload))
    } catch (thrown) {
      this.fault = { code: 'E402', reason: `payload is not valid JSON: ${(thrown as Error).message}` }
      return failed
    }
  }
}

export const jsonPayload: PayloadDecoder = new JsonPayload()

/** What `toString` calls, without asking for its encoding. */
const { utf8Slice } = Buffer.prototype

/** UTF-8 as text. *Errors*: throws when it is not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  const text = utf8Slice.call(bytes, 0, bytes.length)
  // Invalid UTF-8 is replaced silently, and the sink would get what nobody published. Asking the text costs nothing where it
  // is Latin; asking the bytes first would cost a tenth of reading them.
  if (text.includes('\ufffd') && !isUtf8(bytes)) throw new SyntaxError('it is not UTF-8')
  return text
}

/** Not asked for yet. */
export const unread: unique symbol = Symbol('unread')

interface Kept {
  readonly decoder: PayloadDecoder
  value: unknown
  fault: DecodeFault | null
}

/** What has been decoded of one message, by each decoder that was asked. One object serves all messages of a thread. */
export class DecodedPayload {
  #decoder: PayloadDecoder = jsonPayload
  #value: unknown = unread
  fault: DecodeFault | null = null
  /** By the decoders of earlier turns. */
  readonly #others: Kept[] = []

  /** Forgets the last message. */
  reset(): void {
    this.#value = unread
    if (this.#others.length > 0) for (const other of this.#others) other.value = unread
  }

  /** Whose turn it is; false when it is so already. */
  use(decoder: PayloadDecoder): boolean {
    return decoder !== this.#decoder && this.#turnTo(decoder)
  }

  #turnTo(decoder: PayloadDecoder): true {
    const before = this.#others.find((other) => other.decoder === this.#decoder)
    if (before === undefined) this.#others.push({ decoder: this.#decoder, value: this.#value, fault: this.fault })
    else {
      before.value = this.#value
      before.fault = this.fault
    }
    const known = this.#others.find((other) => other.decoder === decoder)
    this.#decoder = decoder
    this.#value = known?.value ?? unread
    this.fault = known?.fault ?? null
    // Rules that are no more have left theirs behind.
    if (this.#others.length > maxDecoders) this.#others.length = 0
    return true
  }

  /** The payload by the decoder whose turn it is; `failed` when it cannot be read. */
  read(message: Message): unknown {
    if (this.#value === unread) {
      this.#value = this.#decoder.decode(message)
      if (this.#value === failed) this.fault = this.#decoder.fault
    }
    return this.#value
  }
}

const maxDecoders = 64
