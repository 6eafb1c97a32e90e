import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Sink } from 'trestle/contract'
import { reductOptions, reductSourceOptions } from '../../../connectors/reductstore/options.ts'
import { ReductSink } from '../../../connectors/reductstore/sink.ts'
import { ReductSource } from '../../../connectors/reductstore/source.ts'
import { need, type ReductServer, startReductStore } from '../../services/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { sourceSuite } from '../../suites/source.ts'
import { connectorContext } from '../../support/delivery.ts'
import { ask, recordsOf, writeRecord } from './eyes.ts'

let server: Promise<ReductServer> | null = null
after(async () => (await server)?.stop())

sinkSuite('ReductStore', {
  skip: await need('reductstore'),
  withoutKeys: true,
  async make() {
    server ??= startReductStore()
    const started = await server
    const { url, token } = started
    const bucket = `suite-${randomUUID()}`
    const folder = await mkdtemp(join(tmpdir(), 'trestle-reduct-'))
    const again = (): Sink =>
      new ReductSink(reductOptions({ url, token, bucket, entry: 'all/${client}' }), connectorContext(folder))
    return {
      sink: again(),
      again,
      async readBack() {
        const records = await recordsOf(started, bucket, 'all/device-1')
        return records.map(({ labels, payload }) => ({
          id: labels['trestle-id']!,
          key: null,
          value: payload.toString(),
        }))
      },
      stop: () => rm(folder, { recursive: true, force: true }),
    }
  },
})

sourceSuite('ReductStore', {
  skip: await need('reductstore'),
  // A read that was under way brings up to 85 more.
  maxUnsettled: 185,
  async make() {
    server ??= startReductStore()
    const started = await server
    const { url, token } = started
    const bucket = `source-${randomUUID()}`
    await ask(started, 'POST', `/b/${bucket}`)
    const folder = await mkdtemp(join(tmpdir(), 'trestle-reduct-'))
    let timestamp = 1_700_000_000_000_000
    return {
      make() {
        const source = { publish: 'in/${topic}', entries: ['devices/*'], poll_ms: 50, max_unsettled: 100 }
        return new ReductSource(
          reductOptions({ url, token, bucket }),
          reductSourceOptions(source),
          connectorContext(folder),
        )
      },
      async put(records) {
        for (const { headers, key, value } of records) {
          const labels = Object.fromEntries(headers.map(([name, label]) => [name, String(label)]))
          timestamp += 1000
          await writeRecord(started, bucket, { entry: `devices/${key}`, timestamp, payload: value, labels })
        }
      },
      stop: () => rm(folder, { recursive: true, force: true }),
    }
  },
})
