import type { API } from '@platformatic/kafka'
import { type Broker, type KafkaClient, printBroker } from '../client.ts'
import { fromThrown } from '../errors.ts'

/**
 * Asks one broker, or with null any that answers. An answer in which Kafka refuses something is an answer: who asks
 * looks at its codes.
 *
 * *Errors*: only those of the connection.
 */
export async function ask<Request extends unknown[], Answer>(
  client: KafkaClient,
  broker: Broker | null,
  api: API<Request, Answer>,
  ...request: Request
): Promise<Answer> {
  const place = broker === null ? '' : printBroker(broker)
  const connection = broker === null ? (await client.anyConnection()).connection : await client.connectionTo(broker)
  try {
    return await api.async(connection, ...request)
  } catch (thrown) {
    const { response } = thrown as { response?: Answer }
    if (response !== undefined && response !== null) return response
    throw fromThrown(thrown, place === '' ? printBroker({ host: connection.host!, port: connection.port! }) : place)
  }
}
