import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Delivery, type Receipt, TrestleError } from 'trestle/contract'
import { reductOptions, reductSourceOptions } from '../../../connectors/reductstore/options.ts'
import { ReductSink } from '../../../connectors/reductstore/sink.ts'
import { ReductSource } from '../../../connectors/reductstore/source.ts'
import { need, type ReductServer, startReductStore } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { recordsOf } from './eyes.ts'

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

describe('ReductStore that is killed under load', { skip: await need('reductstore') }, () => {
  let server: ReductServer
  let folder: string
  before(async () => {
    server = await startReductStore()
    folder = await mkdtemp(join(tmpdir(), 'trestle-reduct-'))
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const entries = ['a', 'b/c', 'd']
  const options = (bucket: string, more: object = {}) =>
    reductOptions({ url: server.url, token: server.token, bucket, timeout_ms: 5000, ...more })

  /** As the hub does it: what did not get its receipt goes again over a new sink, in its order. */
  const deliverAll = async (
    bucket: string,
    all: readonly Delivery[],
    confirmed: (id: string) => void,
  ): Promise<void> => {
    const context = connectorContext(join(folder, bucket))
    let sink: ReductSink | null = null
    let open = [...all]
    while (open.length > 0) {
      const batch = open.slice(0, 240)
      let receipts: readonly Receipt[] = []
      try {
        if (sink === null) {
          sink = new ReductSink(options(bucket), context)
          await sink.open()
        }
        receipts = await sink.deliver(batch)
      } catch (thrown) {
        assert.notEqual(TrestleError.from(thrown).retry, 'never', String(thrown))
      }
      const left = batch.filter(({ id }, at) => {
        const receipt = receipts[at]
        if (receipt?.outcome === 'delivered') confirmed(id)
        assert.notEqual(receipt?.outcome, 'refused', receipt?.error?.message)
        return receipt?.outcome !== 'delivered'
      })
      open = [...left, ...open.slice(240)]
      if (left.length === 0) continue
      await sink?.close()
      sink = null
      await pause(100)
    }
    await sink?.close()
  }

  /** Kills and starts the server again, a few times, until `done`. */
  const killing = async (times: number, done: () => boolean): Promise<number> => {
    let kills = 0
    while (kills < times && !done()) {
      await pause(150 + 130 * kills)
      await server.kill()
      kills++
      await pause(200)
      await server.restart()
    }
    return kills
  }

  test('A3 A4: nothing it confirmed is lost, nothing is there twice, and the order of each key holds', async () => {
    const bucket = `o-${randomUUID()}`
    const make = deliveries()
    const all = Array.from({ length: 4000 }, (_, at) => {
      const client = `device-${at % 7}`
      const timeMs = 1_700_000_000_000 + Math.floor(at / 20)
      return make({ target: entries[(at % 7) % 3]!, payload: `${at}`, message: { client, timeMs } })
    })
    const confirmed = new Set<string>()
    let ended = false
    const delivering = deliverAll(bucket, all, (id) => confirmed.add(id)).finally(() => {
      ended = true
    })
    const [, kills] = await Promise.all([delivering, killing(4, () => ended)])
    assert.ok(kills >= 2, `${kills} kills`)
    assert.equal(confirmed.size, all.length)
    for (const entry of entries) {
      const expected = all.filter(({ target }) => target === entry)
      const seen = await recordsOf(server, bucket, entry)
      assert.deepEqual(
        seen.map(({ payload }) => payload.toString()),
        expected.map(({ payload }) => payload.toString()),
        entry,
      )
    }
  })

  test('A9: a source goes on where it was, over kills of the server and with no record twice', async () => {
    const bucket = `r-${randomUUID()}`
    const make = deliveries()
    const all = Array.from({ length: 3000 }, (_, at) =>
      make({ target: entries[at % 3]!, payload: `${at}`, message: { timeMs: 1_700_000_000_000 + at } }),
    )
    const context = connectorContext(join(folder, `${bucket}-source`))
    const intakes: HeldIntake[] = []
    let ended = false
    let lost = 0
    const run = async (): Promise<void> => {
      while (!ended) {
        const source = new ReductSource(
          options(bucket),
          reductSourceOptions({ publish: '${topic}', poll_ms: 30 }),
          context,
        )
        const intake = new HeldIntake()
        intakes.push(intake)
        try {
          await source.open(intake)
          await until(() => ended || intake.losses.length > 0, 'the end', 60_000)
          lost += intake.losses.length
        } catch (thrown) {
          assert.ok(['E601', 'E604', 'E607'].includes(TrestleError.from(thrown).code), String(thrown))
        }
        await source.close()
        await pause(50)
      }
    }
    const values = (): string[] => intakes.flatMap((intake) => intake.values)
    const running = run()
    let kills = 0
    try {
      const delivering = deliverAll(bucket, all, () => {})
      ;[kills] = await Promise.all([killing(4, () => false), delivering])
      await until(() => new Set(values()).size === all.length, 'all were read', 40_000)
    } finally {
      ended = true
      await running
    }
    assert.ok(kills >= 2 && lost >= 1, `${kills} kills, ${lost} losses`)
    assert.equal(values().length, all.length, 'none twice')
    // A record that the server was killed in the middle of is written anew when newer ones may have been read.
    for (const entry of entries) {
      const read = intakes.flatMap(({ taken }) => taken.filter(({ topic }) => topic === entry))
      const places = read.map(({ payload }) => Number(Buffer.from(payload).toString()))
      const late = places.filter((place, at) => at > 0 && place < places[at - 1]!)
      assert.ok(late.length <= kills, `${late.length} late records in ${entry}`)
    }
  })
})
