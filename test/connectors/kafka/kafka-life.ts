import assert from 'node:assert/strict'
import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Delivery, type Receipt, TrestleError } from 'trestle/contract'
import { KafkaClient } from '../../../connectors/kafka/client.ts'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import type { ProduceAnswer, ProduceRequest } from '../../../connectors/kafka/produce.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { readTopic } from '../../support/kafka-reader.ts'

/** What becomes of the next requests: nothing special, the answer is lost, or the request is lost. */
export type Fate = 'answered' | 'deaf' | 'mute'

export class FatefulClient extends KafkaClient {
  fate: Fate = 'answered'

  override async produce(node: number, request: ProduceRequest): Promise<ProduceAnswer[]> {
    if (this.fate === 'mute') throw new TrestleError('E601', 'the request was lost')
    const answers = await super.produce(node, request)
    if (this.fate === 'deaf') throw new TrestleError('E601', 'the answer was lost')
    return answers
  }
}

/** One process of the hub, as far as the sink sees it. */
export interface Life {
  folder: string
  context: ReturnType<typeof connectorContext>
  client: FatefulClient
  sink: KafkaSink
}

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'trestle-claims-'))

export async function live(brokers: string, topic: string, folder: string, given: object = {}): Promise<Life> {
  const options = kafkaOptions({ brokers: [brokers], topic, ...given } as unknown as KafkaOptions)
  const context = connectorContext(folder)
  const client = new FatefulClient(options)
  const sink = new KafkaSink(options, context, client)
  await sink.open()
  return { folder, context, client, sink }
}

/** `kill -9`: the next life has what is in the folder, and nothing of the memory. */
export async function killed(life: Life): Promise<string> {
  const folder = newFolder()
  cpSync(life.folder, folder, { recursive: true })
  await life.sink.close()
  return folder
}

export const isDelivered = ({ outcome }: Receipt): boolean => outcome === 'delivered'

/** As the hub does: what may pass (a broker that was just started) is handed over again, in order. */
export async function mustTake(life: Life, batch: readonly Delivery[]): Promise<void> {
  let left = batch
  for (const deadlineMs = Date.now() + 30_000; left.length > 0; ) {
    const receipts = await life.sink.deliver(left)
    const failed = receipts.find((receipt) => !isDelivered(receipt))
    left = left.filter((_, at) => !isDelivered(receipts[at]!))
    if (failed === undefined) return
    assert.equal(failed.error?.retry, 'later', failed.error?.message)
    assert.ok(Date.now() < deadlineMs, failed.error?.message)
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** Each exactly once, and each key in order. */
export async function mustHave(
  brokers: string,
  topic: string,
  all: readonly Delivery[],
  quietMs?: number,
): Promise<void> {
  let records = await readTopic(brokers, topic, quietMs)
  // What a transaction has committed becomes visible a moment later.
  for (const deadlineMs = Date.now() + 10_000; records.length < all.length && Date.now() < deadlineMs; ) {
    await new Promise((done) => setTimeout(done, 100))
    records = await readTopic(brokers, topic, quietMs)
  }
  const ids = records.map(({ headers }) => headers['trestle-id']!)
  assert.equal(new Set(ids).size, ids.length, 'nothing is there twice')
  assert.deepEqual(new Set(ids), new Set(all.map(({ id }) => id)), 'nothing is missing')
  const last = new Map<string, number>()
  for (const { key, headers } of records) {
    const position = Number(headers['trestle-id']!.split('-')[1])
    assert.ok(position > (last.get(key!) ?? 0), `${key} is out of order`)
    last.set(key!, position)
  }
}

/** Deliveries of a few keys, as they come from devices now. */
export function maker(timeMs = Date.now()): (count: number) => Delivery[] {
  const make = deliveries()
  let made = 0
  return (count) =>
    Array.from({ length: count }, () => make({ key: `k${made++ % 7}`, message: { timeMs: timeMs + made } }))
}
