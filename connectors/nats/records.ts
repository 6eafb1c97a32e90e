import type { Msg } from '@nats-io/transport-node'
import type { ForeignRecord, Header } from 'trestle/contract'
import { readWireHeaders } from './headers.ts'
import type { NatsOptions } from './options.ts'
import { readReplyAddress, responseTopicOf } from './replies.ts'
import { topicOf, topicOfKey } from './subject-mapping.ts'

const maxKnown = 10_000

/** Makes records of messages: subjects become topics (see `subject-mapping`), without the prefix of the connector. */
export class Records {
  readonly #options: NatsOptions
  /** What stands before the keys of the bucket that is read; null when it is none. */
  readonly #keysBehind: string | null
  readonly #topics = new Map<string, string>()

  constructor(options: NatsOptions, keysBehind: string | null) {
    this.#options = options
    this.#keysBehind = keysBehind
  }

  /** `timeMs`: when the server stored it; null where it did not. */
  of(message: Msg, timeMs: number | null): ForeignRecord {
    const { subject, data } = message
    const headers = readWireHeaders(message)
    const key = this.#keysBehind === null ? null : subject.slice(this.#keysBehind.length)
    const answered = readReplyAddress(subject, this.#options)
    if (answered !== null) {
      const carried = answered.headers.filter(([name]) => !headers.some(([given]) => given === name))
      return { address: answered.topic, key, headers: [...headers, ...carried], payload: data, timeMs }
    }
    // What a stream gives has a reply subject too: where to acknowledge.
    if (timeMs === null) addResponseTopic(headers, message.reply ?? '', this.#options)
    return { address: this.#topicOf(subject, key), key, headers, payload: data, timeMs }
  }

  #topicOf(subject: string, key: string | null): string {
    let topic = this.#topics.get(subject)
    if (topic === undefined) {
      if (this.#topics.size >= maxKnown) this.#topics.clear()
      topic = key === null ? topicOf(withoutPrefix(subject, this.#options.subject_prefix)) : topicOfKey(key)
      this.#topics.set(subject, topic)
    }
    return topic
  }
}

const withoutPrefix = (subject: string, prefix: string | undefined): string =>
  prefix !== undefined && subject.startsWith(`${prefix}.`) ? subject.slice(prefix.length + 1) : subject

/** A request of NATS; one that came over from MQTT has its own response topic. */
function addResponseTopic(headers: Header[], reply: string, options: NatsOptions): void {
  const topic = responseTopicOf(reply, options)
  if (topic === null || headers.some(([name]) => /^mqtt-response-topic\*?$/.test(name))) return
  headers.push(['mqtt-response-topic', topic])
}
