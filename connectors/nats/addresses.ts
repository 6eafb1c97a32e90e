import type { Delivery, TrestleError } from 'trestle/contract'
import type { NatsOptions } from './options.ts'
import { askerOf } from './replies.ts'
import { checkKey, checkSubject, keyOf, subjectOf } from './subject-mapping.ts'

const maxKnown = 10_000

/** Finds where each delivery goes: its subject, key or object name. Remembers what it has looked at. */
export class Addresses {
  readonly #options: NatsOptions
  /** What stands before the keys of the bucket; empty in other modes. */
  readonly #before: string
  readonly #ofTopic = new Map<string, string | TrestleError>()
  readonly #ofTarget = new Map<string, string | TrestleError>()

  constructor(options: NatsOptions, before = '') {
    this.#options = options
    this.#before = before
  }

  /** *Errors*: E606, answered. */
  of(delivery: Delivery): string | TrestleError {
    const named = delivery.target ?? (this.#options.mode === 'kv' ? delivery.key : null) ?? this.#options.subject
    if (named !== undefined && named !== null) {
      return remembered(this.#ofTarget, named, (address) => this.#check(address))
    }
    return remembered(this.#ofTopic, delivery.message.topic, (topic) => this.#check(this.#mapped(topic)))
  }

  /** The name of an object may be any text. */
  nameOf(delivery: Delivery): string {
    return delivery.target ?? delivery.key ?? this.#options.subject ?? delivery.message.topic
  }

  #mapped(topic: string): string {
    if (this.#options.mode === 'kv') return keyOf(topic)
    const asker = this.#options.mode === 'core' ? askerOf(topic, this.#options) : null
    if (asker !== null) return asker
    const { subject_prefix: prefix } = this.#options
    return prefix === undefined ? subjectOf(topic) : `${prefix}.${subjectOf(topic)}`
  }

  #check(address: string): string | TrestleError {
    if (this.#options.mode === 'kv') return checkKey(address) ?? `${this.#before}${address}`
    return checkSubject(address) ?? address
  }
}

function remembered(
  known: Map<string, string | TrestleError>,
  name: string,
  make: (name: string) => string | TrestleError,
): string | TrestleError {
  let address = known.get(name)
  if (address === undefined) {
    if (known.size >= maxKnown) known.clear()
    address = make(name)
    known.set(name, address)
  }
  return address
}
