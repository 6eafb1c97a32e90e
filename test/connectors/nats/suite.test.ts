import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { jetstream } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import type { Sink } from 'trestle/contract'
import { natsOptions } from '../../../connectors/nats/options.ts'
import { NatsSink } from '../../../connectors/nats/sink.ts'
import { type NatsServer, need, startNats } from '../../services/index.ts'
import { type ReadBack, sinkSuite } from '../../suites/sink.ts'
import { connectorContext } from '../../support/delivery.ts'
import { connectTo, makeStream, readStream } from './nats-reader.ts'

let server: Promise<NatsServer> | null = null
after(async () => (await server)?.stop())
const skip = await need('nats')

const started = (): Promise<NatsServer> => {
  server ??= startNats()
  return server
}

const sinkOf = (address: string, options: object): Sink =>
  new NatsSink(natsOptions({ servers: [address], ...options }), connectorContext('/none'))

for (const order of ['chained', 'pipelined'] as const) {
  sinkSuite(`JetStream, ${order},`, {
    skip,
    withoutKeys: true,
    async make() {
      const { address } = await started()
      const name = randomUUID()
      await makeStream(address, { name, subjects: [`${name}.>`] })
      const again = (): Sink => sinkOf(address, { subject_prefix: name, stream: { name }, order })
      return {
        sink: again(),
        again,
        readBack: async () => (await readStream(address, name)).map(asRead),
        stop: async () => {},
      }
    },
  })
}

sinkSuite('core NATS', {
  skip,
  withoutKeys: true,
  async make() {
    const { address } = await started()
    const prefix = randomUUID()
    const read: ReadBack[] = []
    const listener = await connectTo(address)
    listener.subscribe(`${prefix}.>`, {
      callback: (_, { headers, data }) => {
        read.push({ id: headers!.get('trestle-id'), key: null, value: Buffer.from(data).toString() })
      },
    })
    await listener.flush()
    const again = (): Sink => sinkOf(address, { mode: 'core', subject_prefix: prefix })
    return {
      sink: again(),
      again,
      async readBack() {
        await listener.flush()
        return read
      },
      stop: () => listener.close(),
    }
  },
})

sinkSuite('a key-value bucket', {
  skip,
  async make() {
    const { address } = await started()
    const bucket = { name: randomUUID(), create: true, history: 64 }
    const again = (): Sink => sinkOf(address, { mode: 'kv', bucket })
    return {
      sink: again(),
      again,
      async readBack() {
        const messages = await readStream(address, `KV_${bucket.name}`)
        return messages.map((one) => ({ ...asRead(one), key: one.subject.split('.').slice(2).join('.') }))
      },
      stop: async () => {},
    }
  },
})

sinkSuite('an object bucket', {
  skip,
  shape: { headers: [] },
  payloadOf: (n) => `{"n":${n}}`,
  async make() {
    const { address } = await started()
    const bucket = { name: randomUUID(), create: true }
    const again = (): Sink => new ById(sinkOf(address, { mode: 'object', bucket }))
    return {
      sink: again(),
      again,
      readBack: () => readObjects(address, bucket.name),
      stop: async () => {},
    }
  },
})

/** Objects of one name replace each other: here each delivery has its own. */
class ById implements Sink {
  readonly #sink: Sink
  constructor(sink: Sink) {
    this.#sink = sink
  }
  get ordering(): 'key' | 'total' {
    return this.#sink.ordering
  }
  get limits(): Sink['limits'] {
    return this.#sink.limits
  }
  open(): Promise<void> {
    return this.#sink.open()
  }
  deliver: Sink['deliver'] = (batch) =>
    this.#sink.deliver(batch.map((delivery) => ({ ...delivery, target: `${delivery.key}/${delivery.id}` })))
  close(): Promise<void> {
    return this.#sink.close()
  }
}

async function readObjects(address: string, bucket: string): Promise<ReadBack[]> {
  const connection = await connectTo(address)
  const store = await new Objm(jetstream(connection)).open(bucket)
  const infos = (await store.list()).toSorted((one, other) => one.revision - other.revision)
  const read: ReadBack[] = []
  for (const { name } of infos) {
    const { headers } = (await store.info(name))!
    const value = Buffer.from((await store.getBlob(name))!).toString()
    read.push({ id: headers!.get('trestle-id'), key: name.split('/')[0]!, value })
  }
  await connection.close()
  return read
}

const asRead = ({ headers, data }: { headers: Record<string, string>; data: Buffer }): ReadBack => ({
  id: headers['trestle-id']!,
  key: null,
  value: data.toString(),
})
