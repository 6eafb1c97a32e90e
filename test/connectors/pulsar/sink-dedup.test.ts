import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarSink } from '../../../connectors/pulsar/sink.ts'
import { need, type PulsarServer, startPulsar, waitFor } from '../../services/index.ts'
import { connectorContext } from '../../support/delivery.ts'
import { deliveryAt } from './delivery-at.ts'
import { readWithJava } from './java-reader.ts'

const writer = fileURLToPath(new URL('./dedup-writer.ts', import.meta.url))
const skip = await need('pulsar')
const folders: string[] = []
const children: ChildProcess[] = []
let server: PulsarServer
let topics = 0

describe('On a topic that deduplicates, the sink', { skip }, () => {
  before(async () => {
    server = await startPulsar({ dedup: true, webSocket: true })
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await server?.stop()
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })

  const place = async (partitions = 0): Promise<{ topic: string; folder: string }> => {
    const topic = `dedup-${++topics}`
    if (partitions > 0) await server.admin(`/persistent/public/default/${topic}/partitions`, 'PUT', partitions)
    const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-dedup-'))
    folders.push(folder)
    return { topic, folder }
  }
  const sinkOn = (topic: string, folder: string, more: object = {}): PulsarSink =>
    new PulsarSink(pulsarOptions({ servers: [server.url], topic, ...more }), connectorContext(folder))
  const deliver = async (sink: PulsarSink, positions: readonly number[]): Promise<void> => {
    const receipts = await sink.deliver(positions.map((position) => deliveryAt(position)))
    assert.deepEqual(
      receipts.map(({ outcome, error }) => error?.message ?? outcome),
      positions.map(() => 'delivered'),
    )
  }
  const positionsOn = async (topic: string): Promise<number[]> => {
    const read = await readWithJava(server, topic)
    return read.map(({ properties }) => Number(properties['trestle-id']!.split('-')[1]))
  }
  const sorted = (positions: readonly number[]): number[] => positions.toSorted((one, other) => one - other)

  test('A3: has every message there once, however often its hub is killed with -9', async () => {
    const { topic, folder } = await place(3)
    const total = 2000
    let settled = 0
    for (let life = 1; settled < total; life++) {
      // The cursor of a killed hub is behind what it settled: it begins anew with some that were.
      const from = Math.max(1, settled - 150)
      settled = await runUntilKilled(server.url, topic, folder, from, total, life <= 3 ? from + 450 : null)
    }
    const read = await positionsOn(topic)
    assert.deepEqual(
      sorted(read),
      Array.from({ length: total }, (_, at) => at + 1),
    )
  })

  test('A3: drops no message whose retry comes after later ones, and recognises it afterwards', async () => {
    const { topic, folder } = await place()
    const first = sinkOn(topic, folder)
    await first.open()
    await deliver(first, [1, 2, 5, 6])
    await deliver(first, [3])
    await deliver(first, [7, 4])
    await first.close()
    const second = sinkOn(topic, folder)
    await second.open()
    await deliver(second, [3, 4, 5, 7, 8])
    await deliver(second, [6, 1, 9])
    await second.close()
    assert.deepEqual(await positionsOn(topic), [1, 2, 5, 6, 3, 7, 4, 8, 9])
  })

  test('A3 A4: goes on over an unloaded topic without loss, repeat or disorder', async () => {
    const { topic, folder } = await place()
    const sink = sinkOn(topic, folder)
    await sink.open()
    await deliver(sink, [1])
    let stop = false
    const unloading = (async () => {
      while (!stop) {
        await server.admin(`/persistent/public/default/${topic}/unload`, 'PUT')
        await new Promise((done) => setTimeout(done, 150))
      }
    })()
    let next = 2
    const until = Date.now() + 2000
    let current = sink
    while (Date.now() < until) {
      const positions = Array.from({ length: 20 }, (_, at) => next + at)
      const receipts = await current.deliver(positions.map((position) => deliveryAt(position)))
      const failed = receipts.find(({ error }) => error !== null)
      if (failed === undefined) next += 20
      else if (failed.error?.retry === 'reconnect') {
        await current.close()
        current = sinkOn(topic, folder)
        await current.open()
      }
    }
    stop = true
    await unloading
    await current.close()
    assert.ok(next > 60, `only ${next} got through`)
    assert.deepEqual(
      (await positionsOn(topic)).filter((position) => position < next),
      Array.from({ length: next - 1 }, (_, at) => at + 1),
    )
  })

  test('A3: has what it sent while the broker was killed with -9 there once when it is back', async () => {
    const { topic, folder } = await place()
    let sink = sinkOn(topic, folder)
    await sink.open()
    let next = 1
    const killing = new Promise((done) => setTimeout(done, 400)).then(() => server.kill())
    let retry: string | undefined
    while (retry === undefined) {
      const positions = Array.from({ length: 50 }, (_, at) => next + at)
      const receipts = await sink.deliver(positions.map((position) => deliveryAt(position)))
      retry = receipts.find(({ error }) => error !== null)?.error?.retry
      if (retry === undefined) next += 50
    }
    await killing
    assert.equal(retry, 'reconnect')
    await sink.close()
    await server.restart()
    sink = sinkOn(topic, folder)
    await waitFor('the sink to open', 20_000, () =>
      sink.open().then(
        () => true,
        () => false,
      ),
    )
    const again = Array.from({ length: 100 }, (_, at) => next + at)
    await deliver(sink, again)
    await sink.close()
    assert.deepEqual(
      await positionsOn(topic),
      Array.from({ length: next + 99 }, (_, at) => at + 1),
    )
  })
})

/** Runs the writer, kills it when it has settled `killAt`, and answers the highest position below which all is settled. */
async function runUntilKilled(
  url: string,
  topic: string,
  folder: string,
  from: number,
  to: number,
  killAt: number | null,
): Promise<number> {
  const args = ['--conditions=trestle-source', writer, url, topic, folder, String(from), String(to)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const settled = new Set<number>()
  let rest = ''
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) settled.add(Number(line.slice('settled '.length)))
    if (killAt !== null && settled.has(killAt - (killAt % 13 === 5 ? 1 : 0))) child.kill('SIGKILL')
  })
  const code = await new Promise<number | null>((done) => child.once('close', done))
  assert.ok(code === null || code === 0, errors)
  let low = from - 1
  while (settled.has(low + 1)) low++
  return low
}
