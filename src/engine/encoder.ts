import type { Body } from './body.ts'
import { type Scope, siteOf } from './expression/scope.ts'
import { failed, kindOf } from './expression/value.ts'
import type { Encoding } from './target.ts'

/** A rule's payload as bytes, made once per encoding. One object serves all messages of a thread. */
export class Encoder {
  #changed = false
  #original: Uint8Array = new Uint8Array(0)
  #value: unknown = null
  #json: Uint8Array | null = null
  #raw: Uint8Array | null = null

  /** Takes up one rule's turn with one message; false when its body fails, with the reason in the scope. */
  begin(scope: Scope, body: Body | null): boolean {
    this.#original = scope.message.payload
    this.#changed = body !== null
    if (body === null) return true
    this.#json = null
    this.#raw = null
    this.#value = body.evaluate(scope)
    return this.#value !== failed
  }

  /** The very bytes of the message when the rule leaves them alone; null when the value has no such form. */
  bytes(scope: Scope, encoding: Encoding): Uint8Array | null {
    if (!this.#changed) return this.#original
    const value = this.#value
    if (value instanceof Uint8Array && encoding !== 'json') return value
    if (encoding === 'json' || (encoding === null && typeof value !== 'string')) {
      const data = value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
      this.#json ??= Buffer.from(JSON.stringify(data))
      return this.#json
    }
    if (typeof value !== 'string') {
      scope.fail(siteOf('payload'), `encode: raw takes a string or bytes, and got ${kindOf(value)}`)
      return null
    }
    this.#raw ??= Buffer.from(value)
    return this.#raw
  }
}
