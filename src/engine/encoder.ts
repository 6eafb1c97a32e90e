import type { Body } from './body.ts'
import type { Encoding } from './encoding/encoding.ts'
import { toData, toJson } from './encoding/plain-data.ts'
import { type Scope, siteOf } from './expression/scope.ts'
import { failed, kindOf } from './expression/value.ts'

/** A rule's payload as bytes, made once per body and encoding. One object serves all messages of a thread. */
export class Encoder {
  /** The message's own bytes are JSON. */
  readsJson = true
  #hasItem = false
  #isRich = false
  #madeCount = 0
  readonly #bodies: (Body | null)[] = []
  readonly #values: unknown[] = []
  #writtenCount = 0
  readonly #writtenOf: (Body | null)[] = []
  readonly #writtenBy: Encoding[] = []
  readonly #written: Uint8Array[] = []

  /**
   * Takes up one rule's turn with one message, or with one item of it. `rich`: bodies hold data for binary encodings;
   * else they are what JSON prints.
   */
  begin(hasItem: boolean, rich: boolean): void {
    this.#hasItem = hasItem
    this.#isRich = rich
    this.#madeCount = 0
    this.#writtenCount = 0
  }

  /** Lets go of the last message. */
  end(): void {
    while (this.#values.length > 0) this.#values.pop()
    while (this.#written.length > 0) this.#written.pop()
  }

  /** The very bytes of the message when nothing changes them; null when there are none, with the reason in the scope. */
  bytes(scope: Scope, body: Body | null, encoding: Encoding): Uint8Array | null {
    if (body === null && !this.#hasItem && this.#isWritten(encoding)) return scope.message.payload
    for (let at = 0; at < this.#writtenCount; at++) {
      if (this.#writtenOf[at] === body && this.#writtenBy[at] === encoding) return this.#written[at]!
    }
    const value = this.value(scope, body)
    const bytes = value === failed ? null : this.#write(scope, body, encoding, value)
    if (bytes === null) return null
    this.#writtenOf[this.#writtenCount] = body
    this.#writtenBy[this.#writtenCount] = encoding
    this.#written[this.#writtenCount++] = bytes
    return bytes
  }

  /** What a body makes of this message or item; without one, the payload or the item itself. */
  value(scope: Scope, body: Body | null): unknown {
    if (body === null) return this.#hasItem ? scope.item : scope.payload()
    for (let at = 0; at < this.#madeCount; at++) if (this.#bodies[at] === body) return this.#values[at]
    const value = body.evaluate(scope)
    if (value === failed) return failed
    this.#bodies[this.#madeCount] = body
    this.#values[this.#madeCount++] = value
    return value
  }

  /** The message's own bytes are already what this encoding would write. */
  #isWritten({ write, name }: Encoding): boolean {
    return write === null && (name !== 'json' || this.readsJson)
  }

  #write(scope: Scope, body: Body | null, { name, write }: Encoding, value: unknown): Uint8Array | null {
    if (write !== null) {
      // What a body adds is data already, and so is all that JSON can say.
      const isData = this.readsJson && !(this.#hasItem && body === null)
      const data = isData ? value : toData(scope, payloadSite, value)
      return data === failed ? null : write(scope, payloadSite, data)
    }
    if (value instanceof Uint8Array && name !== 'json') return value
    if (name === 'json' || (name === null && typeof value !== 'string')) return this.#json(scope, body, value)
    if (typeof value === 'string') return Buffer.from(value)
    scope.fail(payloadSite, `encode: raw takes a string or bytes, and got ${kindOf(value)}`)
    return null
  }

  #json(scope: Scope, body: Body | null, value: unknown): Uint8Array | null {
    if (!this.#isRich && body !== null && !(value instanceof Uint8Array)) return Buffer.from(JSON.stringify(value))
    const data = toJson(scope, payloadSite, value)
    return data === failed ? null : Buffer.from(JSON.stringify(data))
  }
}

const payloadSite = siteOf('payload')
