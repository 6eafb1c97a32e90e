import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { startKafka } from '../services/kafka.ts'
import { need } from '../services/need.ts'
import { HubProcess } from '../support/hub-process.ts'
import { createTopics, readTopic } from '../support/kafka-reader.ts'

const rule = (from: string, extra = ''): string =>
  `from: ${from}/{device}\n${extra}to: [{ sink: lake, topic: ${from}, key: "\${device}" }]\n`

test('A1 A2 A5 D1: Kafka is away at the start and later; the hub acknowledges, keeps, says why, and drains in order', {
  skip: await need('kafka'),
}, async () => {
  const kafka = await startKafka()
  await createTopics(kafka.brokers, { stored: 3, delivered: 3 })
  const hub = await HubProcess.create({
    connectors: { lake: { type: 'kafka', brokers: [kafka.brokers] } },
    rules: { stored: rule('stored'), delivered: rule('delivered', 'ack: delivered\n') },
  })
  const url = `mqtt://127.0.0.1:${hub.mqttPort}`
  let device: Awaited<ReturnType<typeof connectAsync>> | null = null
  try {
    await kafka.kill()
    await hub.start()
    device = await connectAsync(url, { clientId: 'device', protocolVersion: 5 })
    for (let n = 0; n < 500; n++) await device.publishAsync('stored/a', `${n}`, { qos: n % 2 === 0 ? 1 : 2 })

    const away = await hub.until(({ connectors }) => connectors[0]?.waiting?.messages === 500)
    assert.match(away.connectors[0]!.state, /retrying|failing/)
    assert.match(away.connectors[0]!.lastError?.message ?? '', /refused|ECONNREFUSED/)
    assert.ok(away.connectors[0]!.lastError!.nextTryMs !== null)
    assert.equal(away.ledger.pending, 500)
    assert.equal(
      (await fetch(`http://127.0.0.1:${hub.apiPort}/ready`)).status,
      200,
      'a far side that is away is no cause',
    )

    let isDelivered = false
    const delivered = device.publishAsync('delivered/a', 'x', { qos: 1 }).then(() => {
      isDelivered = true
    })
    await sleep(1000)
    assert.ok(!isDelivered, 'acknowledged before Kafka has it')

    await kafka.restart()
    await delivered
    await hub.until(({ ledger }) => ledger.pending === 0)

    await kafka.kill()
    for (let n = 500; n < 1000; n++) await device.publishAsync('stored/a', `${n}`, { qos: 1 })
    await kafka.restart()
    const back = await hub.until(({ ledger }) => ledger.pending === 0)
    assert.equal(back.connectors[0]!.state, 'connected')
    assert.equal(back.ledger.unaccounted, 0)

    const numbers = (await readTopic(kafka.brokers, 'stored')).map(({ value }) => Number(value))
    const first = numbers.filter((n, at) => numbers.indexOf(n) === at)
    assert.deepEqual(
      first,
      Array.from({ length: 1000 }, (_, n) => n),
      'lost or out of order',
    )
  } finally {
    device?.end(true)
    await hub.dispose()
    await kafka.stop()
  }
})
