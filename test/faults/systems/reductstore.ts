import { ask, entriesOf, recordsOf } from '../../connectors/reductstore/eyes.ts'
import { need, type ReductServer, startReductStore } from '../../services/index.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import type { FedRecord } from '../../support/stubborn-feeder.ts'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

/** ReductStore: a record's timestamp is made of the message's identity; its plain HTTP API on the other side. */
export const reductstore: FarSystem = {
  name: 'reductstore',
  mayRepeat: false,
  missing: () => need('reductstore'),
  start,
}

async function start(): Promise<RunningSystem> {
  const server = await startReductStore()
  const proxy = await FaultProxy.create(Number(new URL(server.url).port))
  await ask(server, 'POST', '/b/faults')
  const feeder = new BatchFeeder(server)
  return {
    address: new URL(server.url).host,
    entry: (reads) => ({
      type: 'reductstore',
      url: `http://127.0.0.1:${proxy.port}`,
      token: server.token,
      bucket: 'faults',
      timeout_ms: 3000,
      ...(reads === null ? {} : { sources: [{ entries: [`${reads.address}-*`], publish: reads.publish }] }),
    }),
    target: (address) => `entry: "${address}-\${device}"`,
    kill: () => server.kill(),
    stopCleanly: () => server.end('SIGTERM'),
    restart: () => server.restart(),
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    put: (records) => feeder.put(records),
    async readAll() {
      const names = (await entriesOf(server, 'faults')).filter((name) => name.startsWith('outward-'))
      const lists = await Promise.all(names.map((name) => recordsOf(server, 'faults', name)))
      return lists.flat().map(({ payload, labels }) => seenIn(payload.toString(), labels['trestle-id'] ?? ''))
    },
    async dispose() {
      await server.stop()
      await proxy.close()
    },
  }
}

/** Writes batches by hand; a record that is there already was taken the time before. */
class BatchFeeder {
  readonly #server: ReductServer
  readonly #stamps = new Map<string, number>()
  #lastUs = 0

  constructor(server: ReductServer) {
    this.#server = server
  }

  async put(records: readonly FedRecord[]): Promise<void> {
    for (let at = 0; at < records.length; at += 80) {
      const byEntry = Map.groupBy(records.slice(at, at + 80), ({ key }) => key)
      for (const [entry, list] of byEntry) await this.#write(entry, list)
    }
    this.#stamps.clear()
  }

  async #write(entry: string, records: readonly FedRecord[]): Promise<void> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.#server.token}` }
    for (const { key, n, value } of records) {
      headers[`x-reduct-time-${this.#stampOf(`${key}-${n}`)}`] = `${Buffer.byteLength(value)},application/json`
    }
    const answer = await fetch(`${this.#server.url}/api/v1/b/faults/inward-${entry}/batch`, {
      method: 'POST',
      headers,
      body: records.map(({ value }) => value).join(''),
      signal: AbortSignal.timeout(10_000),
    })
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.headers.get('x-reduct-error')}`)
    for (const [name, value] of answer.headers) {
      if (name.startsWith('x-reduct-error-') && !value.startsWith('409')) throw new Error(value)
    }
  }

  /** The same for a record that has to go again. */
  #stampOf(id: string): number {
    const known = this.#stamps.get(id)
    if (known !== undefined) return known
    this.#lastUs = Math.max(this.#lastUs + 1, Date.now() * 1000)
    this.#stamps.set(id, this.#lastUs)
    return this.#lastUs
  }
}
