import type { API, Connection } from '@platformatic/kafka'
import { type Broker, KafkaClient } from '../../../../connectors/kafka/client.ts'
import { kafkaOptions } from '../../../../connectors/kafka/options.ts'

/** Api keys of what is asked here. */
export const keys = { fetch: 1, metadata: 3, commit: 8, find: 10, join: 11, heartbeat: 12, leave: 13, sync: 14 }

/** Answers what the script says, by api key and port of the broker; an Error is a lost connection. */
export type Script = (key: number, port: number) => object | Error | Promise<object | Error>

/** A client whose brokers exist in the test only. */
export class FakeLine extends KafkaClient {
  readonly asked: { key: number; port: number }[] = []
  readonly #script: Script

  constructor(script: Script) {
    super(kafkaOptions({ brokers: ['fake:1'] }))
    this.#script = script
  }

  override async connectionTo({ host, port }: Broker): Promise<Connection> {
    const send = (key: number, ...rest: unknown[]): void => {
      const callback = rest.at(-1) as (error: Error | null, answer?: object) => void
      this.asked.push({ key, port })
      // No answer comes in the same turn.
      setImmediate(async () => {
        const answer = await this.#script(key, port)
        if (answer instanceof Error) callback(answer)
        else callback(null, answer)
      })
    }
    return { host, port, send } as unknown as Connection
  }

  override async anyConnection(): ReturnType<KafkaClient['anyConnection']> {
    const connection = await this.connectionTo({ host: 'fake', port: 1 })
    return { connection, apis: {} as Record<string, API<never, never>> as never, place: 'fake:1' }
  }

  count(key: number, port?: number): number {
    return this.asked.filter((one) => one.key === key && (port === undefined || one.port === port)).length
  }
}

/** What the cluster says: brokers 1 and 2, and who leads partition 0 of `t`. */
export const metadata = (leader: number): object => ({
  brokers: [
    { nodeId: 1, host: 'fake', port: 1 },
    { nodeId: 2, host: 'fake', port: 2 },
  ],
  topics: [{ name: 't', errorCode: 0, isInternal: false, partitions: [{ partitionIndex: 0, leaderId: leader }] }],
})

export const found = (port: number, errorCode = 0): object => ({
  coordinators: [{ nodeId: port, host: 'fake', port, errorCode, errorMessage: null }],
})
