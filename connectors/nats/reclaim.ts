import { createInbox } from '@nats-io/transport-node'
import type { ConnectorContext } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import type { DurableConsumer } from './consumers.ts'
import { fromThrown } from './errors.ts'
import type { NatsOptions } from './options.ts'

/** The widest range that is asked for again by single requests. */
const maxReclaim = 200_000

/**
 * Asks again for what an earlier life of this source left open. The server would send newer messages first, and these
 * only after `ack_wait`: the order of a subject would be lost. Sequences that are not open the server passes over.
 *
 * Answers false while requests of another reader stand open: those of a connection of ours that the server does not know
 * to be dead end with their time; until then it sends what comes to nobody. `last`: nothing is waited for any more.
 */
export async function reclaim(
  client: NatsClient,
  options: NatsOptions,
  context: ConnectorContext,
  consumer: DurableConsumer,
  last: boolean,
): Promise<boolean> {
  const { stream, name } = consumer
  const manager = await client.manager()
  const info = await manager.consumers.info(stream, name)
  const { num_ack_pending: open, num_waiting: readers, ack_floor: floor, delivered } = info
  if (readers > 0 && !last) return false
  if (open === 0) return true
  const count = delivered.stream_seq - floor.stream_seq
  const facts = { stream, consumer: name, open }
  if (readers > 0 || count > maxReclaim) {
    const why = readers > 0 ? 'another reader is there' : `they are spread over ${count} messages`
    context.log('warn', 'nats.left-open', { ...facts, why })
    return true
  }
  const before = `$JS.ACK.${stream}.${name}.1`
  const subjects = Array.from(
    { length: count },
    (_, at) => `${before}.${floor.stream_seq + 1 + at}.${delivered.consumer_seq}.0.0`,
  )
  const heard = await sendConfirmed(client, options, subjects, '-NAK')
  context.log(heard ? 'info' : 'warn', heard ? 'nats.asked-again' : 'nats.left-open', facts)
  return true
}

/**
 * Lets the server drop requests for messages that nobody waits for any more; it looks when it is asked for the state.
 * A message that is given back while one stands open is tried with it first, and then comes behind the others.
 */
export async function forgetRequests(
  client: NatsClient,
  options: NatsOptions,
  { stream, name }: DurableConsumer,
): Promise<void> {
  const timeout = Math.min(1500, options.request_timeout_ms)
  try {
    await client.connection.request(`${client.api}.CONSUMER.INFO.${stream}.${name}`, '', { timeout })
  } catch (thrown) {
    throw fromThrown(thrown, `consumer ${name} of stream ${stream}`)
  }
}

/**
 * Tells a consumer the same of several messages; answers whether it confirmed the last, which it does when it has done
 * with all before.
 */
export async function sendConfirmed(
  client: NatsClient,
  options: NatsOptions,
  subjects: readonly string[],
  word: string,
): Promise<boolean> {
  const { connection } = client
  const inbox = createInbox(options.inbox_prefix)
  let confirmed: (heard: boolean) => void = () => {}
  const answer = new Promise<boolean>((resolve) => {
    confirmed = resolve
  })
  const subscription = connection.subscribe(inbox, { callback: (error) => confirmed(error === null) })
  const timer = setTimeout(() => confirmed(false), Math.min(1500, options.request_timeout_ms))
  for (const [at, subject] of subjects.entries()) {
    connection.publish(subject, word, at === subjects.length - 1 ? { reply: inbox } : {})
  }
  const heard = await answer
  clearTimeout(timer)
  if (!connection.isClosed()) subscription.unsubscribe()
  return heard
}
