import type { Delivery, Header } from 'trestle/contract'
import type { NatsOptions } from './options.ts'
import { checkSubject, replySubjectOf, subjectOf, topicOf } from './subject-mapping.ts'

/**
 * How requests and answers cross between MQTT and NATS.
 *
 * - MQTT asks: the message leaves with the NATS reply subject `<replies.subject>.<correlation data>.<response topic>`, the
 *   data in base64url, `-` when there is none. Whoever answers, answers there; a source of the connector makes of it a
 *   message to the response topic, with the correlation data.
 * - NATS asks: a source makes of it a message with the response topic `<replies.topic>/<reply subject as a topic>`. What
 *   is published there leaves to that subject.
 */
const none = '-'

/** What a line of the protocol has room for, both subjects together. */
const maxBytes = 3800

/** Where answers to a delivery are awaited; null when none are, or it would be too long beside the subject. */
export function replyAddressOf(delivery: Delivery, to: string, { replies }: NatsOptions): string | null {
  const { properties } = delivery.message
  if (replies === undefined || properties?.responseTopic === undefined) return null
  const { correlationData, responseTopic } = properties
  const data = correlationData === undefined ? none : `=${Buffer.from(correlationData).toString('base64url')}`
  const subject = `${replies.subject}.${data}.${subjectOf(responseTopic)}`
  const fits = Buffer.byteLength(subject) + Buffer.byteLength(to) <= maxBytes
  return fits && checkSubject(subject) === null ? subject : null
}

/** What an answer that came to such a subject is for; null for any other subject. */
export function readReplyAddress(subject: string, options: NatsOptions): { topic: string; headers: Header[] } | null {
  const before = options.replies === undefined ? null : `${options.replies.subject}.`
  if (before === null || !subject.startsWith(before)) return null
  const dot = subject.indexOf('.', before.length)
  if (dot < 0) return null
  const data = subject.slice(before.length, dot)
  const topic = topicOf(subject.slice(dot + 1))
  if (data === none) return { topic, headers: [] }
  if (!data.startsWith('=')) return null
  return { topic, headers: [['mqtt-correlation-data', Buffer.from(data.slice(1), 'base64url')]] }
}

/** The response topic by which MQTT answers a request of NATS. */
export const responseTopicOf = (reply: string, { replies }: NatsOptions): string | null =>
  replies === undefined || reply === '' ? null : `${replies.topic}/${topicOf(reply)}`

/** The subject of who asked, when a topic is such a response topic. */
export function askerOf(topic: string, { replies }: NatsOptions): string | null {
  if (replies === undefined || !topic.startsWith(`${replies.topic}/`)) return null
  return replySubjectOf(topic.slice(replies.topic.length + 1))
}
