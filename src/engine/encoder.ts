// The global is asked by a function each time.
import { Buffer } from 'node:buffer'
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
  // Nearly all rules have one body and one encoding: those stand apart, and cost no search.
  #body: Body | null = null
  #value: unknown = unmade
  #encoding: Encoding | null = null
  #written: Uint8Array = noBytes
  #writtenOf: Body | null = null
  readonly #further: Further[] = []

  /**
   * Takes up one rule's turn with one message, or with one item of it. `rich`: bodies hold data for binary encodings;
   * else they are what JSON prints.
   */
  begin(hasItem: boolean, rich: boolean): void {
    this.#hasItem = hasItem
    this.#isRich = rich
    this.#value = unmade
    this.#encoding = null
    if (this.#further.length > 0) this.#further.length = 0
  }

  /** Lets go of the last message. */
  end(): void {
    this.begin(false, false)
    this.#written = noBytes
  }

  /** The very bytes of the message when nothing changes them; null when there are none, with the reason in the scope. */
  bytes(scope: Scope, body: Body | null, encoding: Encoding): Uint8Array | null {
    if (body === null && !this.#hasItem && this.#isWritten(encoding)) return scope.message.payload
    if (this.#encoding === encoding && this.#writtenOf === body) return this.#written
    const known = this.#further.length === 0 ? null : this.#known(body, encoding)
    if (known !== null) return known
    const value = this.#valueOf(scope, body)
    const bytes = value === failed ? null : this.#write(scope, encoding, value)
    if (bytes === null) return null
    if (this.#encoding === null) {
      this.#encoding = encoding
      this.#writtenOf = body
      this.#written = bytes
    } else this.#further.push({ body, encoding, bytes })
    return bytes
  }

  /** A function of its own: a closure in `bytes` would cost each call. */
  #known(body: Body | null, encoding: Encoding): Uint8Array | null {
    return this.#further.find((one) => one.encoding === encoding && one.body === body)?.bytes ?? null
  }

  /** What a body makes of this message or item; without one, the payload or the item itself. */
  #valueOf(scope: Scope, body: Body | null): unknown {
    if (body === null) return this.#hasItem ? scope.item : scope.payload()
    if (this.#body === body && this.#value !== unmade) return this.#value
    const value = body.evaluate(scope)
    if (value === failed) return failed
    this.#body = body
    this.#value = value
    return value
  }

  /** The message's own bytes are already what this encoding would write. */
  #isWritten({ write, name }: Encoding): boolean {
    return write === null && (name !== 'json' || this.readsJson)
  }

  #write(scope: Scope, { name, write }: Encoding, value: unknown): Uint8Array | null {
    if (write !== null) {
      // What a body adds is data already, and so is all that JSON can say; an item may be anything.
      const isData = this.readsJson && !this.#hasItem
      const data = isData ? value : toData(scope, payloadSite, value)
      return data === failed ? null : write(scope, payloadSite, data)
    }
    if (value instanceof Uint8Array && name !== 'json') return value
    if (name === 'json' || (name === null && typeof value !== 'string')) return this.#json(scope, value)
    if (typeof value === 'string') return Buffer.from(value)
    scope.fail(payloadSite, `encode: raw takes a string or bytes, and got ${kindOf(value)}`)
    return null
  }

  #json(scope: Scope, value: unknown): Uint8Array | null {
    const isJson = !this.#isRich && !this.#hasItem && !(value instanceof Uint8Array)
    if (isJson) {
      const text = stringify(value)
      // A number beyond doubles (1e400) is read as infinity, which prints as null: nobody has said that. The search is for
      // what is rare: `n` is in every other word, and each would be looked at.
      if (!text.includes('ull') || isFiniteThroughout(value)) return Buffer.from(text)
    }
    const data = toJson(scope, payloadSite, value)
    return data === failed ? null : Buffer.from(stringify(data))
  }
}

const { stringify } = JSON
const payloadSite = siteOf('payload')

/** Of data that has just been printed, so nothing in it leads back to itself. */
const isFiniteThroughout = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value !== 'object' || value === null || Object.values(value).every(isFiniteThroughout)

const unmade: unique symbol = Symbol('unmade')
const noBytes = new Uint8Array(0)

/** Bytes of a rule that writes its payload in several ways. */
interface Further {
  readonly body: Body | null
  readonly encoding: Encoding
  readonly bytes: Uint8Array
}
