import type { Message } from '../contract/message.ts'
import type { RebirthRequest } from '../registry/formats/sparkplug/rebirth.ts'
import type { SparkplugSubject } from '../registry/sparkplug-subject.ts'

/** What is needed of the broker. */
interface Bus {
  subscribe(filter: string, callback: (message: Message) => void): () => void
  accept(message: Message, waiter: null, token: number): unknown
}

/**
 * Looks at all that edge nodes of Sparkplug B say, once a rule reads by it: births must be known to rules that ask for
 * data alone, and the sequence goes over all messages of a node. Publishes the requests for rebirths, as the hub's own.
 */
export function watchSparkplug(subject: SparkplugSubject, bus: Bus): void {
  const { sparkplug } = subject
  // Not from within the message that wanted it.
  sparkplug.onRebirth = (request) => void setImmediate(() => bus.accept(messageOf(request), null, 0))
  subject.onWanted(() => {
    bus.subscribe('spBv1.0/#', ({ payload, topic }) => sparkplug.observe(payload, topic))
  })
}

/** *Source*: Sparkplug 3.0, tck-id-payloads-ncmd-qos and -retain. */
const messageOf = ({ topic, payload }: RebirthRequest): Message => ({
  topic,
  payload,
  qos: 0,
  retain: false,
  properties: null,
  client: 'sparkplug',
  username: null,
  source: null,
  timeMs: Date.now(),
})
