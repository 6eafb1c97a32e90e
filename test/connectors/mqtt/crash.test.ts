import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { mqttOptions } from '../../../connectors/mqtt/options.ts'
import { MqttSink } from '../../../connectors/mqtt/sink.ts'
import { MqttSource } from '../../../connectors/mqtt/source.ts'
import { mqttSourceOptions } from '../../../connectors/mqtt/source-options.ts'
import { need, startMosquitto, waitFor } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { MosquittoReader } from '../../support/mosquitto-reader.ts'

const skip = await need('mosquitto')
const program = fileURLToPath(new URL('endless-publisher.ts', import.meta.url))

for (const version of ['5', '3.1.1']) {
  test(`A3 A4: MQTT ${version}: a process killed with -9 again and again publishes nothing twice with QoS 2, loses nothing and keeps the order`, {
    skip,
  }, async () => {
    const server = await startMosquitto()
    const folder = mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
    const reader = await MosquittoReader.open(server.port, 'crash/#')
    let child: ChildProcess | null = null
    const start = (last: number): ChildProcess => {
      const args = ['--conditions=trestle-source', program, folder, String(server.port), version, String(last)]
      return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    }
    try {
      for (let kill = 0; kill < 6; kill++) {
        child = start(1_000_000)
        await once(child.stdout!, 'data')
        await sleep(20 + kill * 37)
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await steady(reader)
      const last = Math.max(...reader.messages.map(({ payload }) => Number(payload))) + 100
      child = start(last)
      const [code] = await once(child, 'exit')
      assert.equal(code, 0)
      await waitFor('the last one', 10_000, () => reader.messages.some(({ payload }) => payload === String(last)))
      await sleep(300)
      const seen = reader.messages.map(({ payload }) => Number(payload))
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        Array.from({ length: last }, (_, n) => n + 1),
      )
      for (let key = 0; key < 5; key++) {
        const ofKey = seen.filter((n) => n % 5 === key)
        assert.deepEqual(
          ofKey,
          ofKey.toSorted((a, b) => a - b),
        )
      }
    } finally {
      child?.kill('SIGKILL')
      await reader.close()
      await server.stop()
      rmSync(folder, { recursive: true })
    }
  })
}

test('A4 A5: a server that is killed with messages on their way gets them again in order; what it had confirmed stays', {
  skip,
}, async () => {
  const server = await startMosquitto({ persistent: true })
  const folder = mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
  const at = mqttOptions({ server: `mqtt://127.0.0.1:${server.port}`, qos: 2, ack_timeout_ms: 5000 })
  const context = connectorContext(folder)
  // A session of its own keeps what comes while nobody listens.
  const listen = async (): Promise<{ source: MqttSource; intake: HeldIntake }> => {
    const intake = new HeldIntake()
    const source = new MqttSource(at, mqttSourceOptions({ filters: ['kill/#'] }), context)
    await source.open(intake)
    return { source, intake }
  }
  const first = await listen()
  await first.source.close()
  const make = deliveries()
  const batch = Array.from({ length: 200 }, (_, n) => make({ payload: String(n), target: 'kill/a', orderKey: 'a' }))
  const left = [...batch]
  try {
    for (let round = 0; round < 3; round++) {
      const sink = new MqttSink(at, context)
      await sink.open()
      const receipts = await sink.deliver(left.splice(0, 40))
      assert.ok(receipts.every(({ outcome }) => outcome === 'delivered'))
      // On its disk: what it confirms it has in memory first.
      await sleep(300)
      process.kill(server.pid, 'SIGSTOP')
      const lost = assert.rejects(sink.deliver(left.slice(0, 20)), { code: 'E601' })
      await sleep(50)
      await server.restart()
      await lost
      await sink.close()
    }
    const sink = new MqttSink(at, context)
    await sink.open()
    const receipts = await sink.deliver(left)
    assert.ok(receipts.every(({ outcome }) => outcome === 'delivered'))
    await sink.close()
    const { source, intake } = await listen()
    await waitFor('all of them', 10_000, () => intake.values.length >= 200)
    await source.close()
    assert.deepEqual(
      intake.values,
      batch.map((_, n) => String(n)),
    )
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true })
  }
})

test('A9: of QoS 2 nothing comes in twice, whether the connection is lost before the hub has answered or after', {
  skip,
}, async () => {
  const server = await startMosquitto()
  const folder = mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
  const at = mqttOptions({ server: `mqtt://127.0.0.1:${server.port}`, qos: 2 })
  const context = connectorContext(folder)
  const open = async (intake: HeldIntake): Promise<MqttSource> => {
    const source = new MqttSource(at, mqttSourceOptions({ filters: ['twice/#'] }), context)
    await source.open(intake)
    return source
  }
  const sink = new MqttSink(at, { ...context, name: 'out' })
  try {
    const make = deliveries()
    await sink.open()
    const held = new HeldIntake(null)
    const first = await open(held)
    await sink.deliver(Array.from({ length: 10 }, (_, n) => make({ payload: String(n), target: 'twice/a' })))
    await waitFor('all of them', 5000, () => held.values.length === 10)
    // The same client id again: the server ends the first connection, without its acknowledgements.
    const second = new HeldIntake()
    const next = await open(second)
    await waitFor('the loss', 5000, () => held.losses.length > 0)
    assert.equal(held.losses[0]!.retry, 'reconnect')
    held.answerAll()
    await first.close()
    await sink.deliver([make({ payload: 'last', target: 'twice/a' })])
    await waitFor('the last one', 5000, () => second.values.includes('last'))
    assert.deepEqual(second.values, ['last'])
    await next.close()
    const third = new HeldIntake()
    const last = await open(third)
    await sleep(200)
    assert.deepEqual(third.values, [])
    await last.close()
  } finally {
    await sink.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  }
})

/** Until nothing more comes. */
async function steady(reader: MosquittoReader): Promise<void> {
  for (let before = -1; before !== reader.messages.length; ) {
    before = reader.messages.length
    await sleep(300)
  }
}
