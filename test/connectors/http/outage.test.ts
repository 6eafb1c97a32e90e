import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Delivery, type Receipt, TrestleError } from 'trestle/contract'
import { httpOptions } from '../../../connectors/http/options.ts'
import { HttpSink } from '../../../connectors/http/sink.ts'
import { freePorts, type Server, startProcess } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const script = fileURLToPath(new URL('appending-receiver.ts', import.meta.url))

describe('a receiver of HTTP that is killed under load', () => {
  test('A3 A4: nothing it answered for is lost, a repeat has its key, and the first coming of each keeps the order', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-http-'))
    const file = join(folder, 'received')
    const [port] = (await freePorts(1)) as [number]
    const start = (): Server =>
      startProcess(process.execPath, ['--conditions=trestle-source', script, String(port), file])
    let server = start()
    const make = deliveries()
    const all = Array.from({ length: 3000 }, (_, n) => make({ payload: `${n}`, orderKey: `key-${n % 9}` }))
    const confirmed = new Set<string>()
    let kills = 0
    let ended = false
    const killing = async (): Promise<void> => {
      while (!ended && kills < 4) {
        await pause(400)
        await server.end('SIGKILL')
        kills++
        await pause(150)
        server = start()
      }
    }
    try {
      const delivering = deliverAll(`http://127.0.0.1:${port}/`, all, confirmed).finally(() => {
        ended = true
      })
      await Promise.all([delivering, killing()])
      const lines = (await readFile(file, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ') as [string, string])
      const first = new Map<string, number>()
      for (const [at, [id]] of lines.entries()) if (!first.has(id)) first.set(id, at)
      assert.ok(kills >= 1, `${kills} kills`)
      assert.equal(confirmed.size, all.length)
      for (const { id } of all) assert.ok(first.has(id), `${id} is lost`)
      for (let key = 0; key < 9; key++) {
        const places = all.filter((_, n) => n % 9 === key).map(({ id }) => first.get(id)!)
        assert.deepEqual(
          places,
          places.toSorted((one, other) => one - other),
        )
      }
      const byId = new Map(all.map(({ id, payload }) => [id, Buffer.from(payload).toString()]))
      for (const [id, body] of lines) assert.equal(body, byId.get(id))
    } finally {
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  })
})

/** As the hub does it: what did not get its receipt goes again over a new sink, in its order. */
async function deliverAll(url: string, all: readonly Delivery[], confirmed: Set<string>): Promise<void> {
  let sink: HttpSink | null = null
  let open = [...all]
  while (open.length > 0) {
    const batch = open.slice(0, 64)
    let receipts: readonly Receipt[] = []
    try {
      if (sink === null) {
        sink = new HttpSink(httpOptions({ url, timeout_ms: 3000 }), connectorContext('/none'))
        await sink.open()
      }
      receipts = await sink.deliver(batch)
    } catch (thrown) {
      assert.equal(TrestleError.from(thrown).retry, 'reconnect')
    }
    const left = batch.filter(({ id }, at) => {
      const taken = receipts[at]?.outcome === 'delivered'
      if (taken) confirmed.add(id)
      return !taken
    })
    open = [...left, ...open.slice(64)]
    if (left.length === 0) continue
    await sink?.close()
    sink = null
    await pause(50)
  }
  await sink?.close()
}
