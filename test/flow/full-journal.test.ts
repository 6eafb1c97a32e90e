import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { HubProcess } from '../support/hub-process.ts'
import { StubbornPublisher } from '../support/stubborn-publisher.ts'

const rule = 'from: full/{device}\nto: [{ sink: records, file: full }]\n'

test('A1 A7: a journal at its limit says so and takes nothing, also after kill -9, and goes on without a restart when its sink is back', async () => {
  const hub = await HubProcess.create({
    connectors: { records: { type: 'file', path: '../out' } },
    rules: { full: rule },
    settings: { journal: { max_bytes: '512 KiB', segment_bytes: '64 KiB' } },
  })
  const publishers = ([1, 2] as const).flatMap((qos) =>
    ([4, 5] as const).map((version) => publisherOf(hub.mqttPort, qos, version)),
  )
  try {
    // The sink is away: where its folder is to be lies a file.
    const blockade = join(hub.folder, 'out')
    writeFileSync(blockade, '')
    await hub.start()
    for (const one of publishers) one.start()
    await hub.until(({ journal }) => journal.state === 'full', 10_000)
    await hub.kill()
    await hub.start()
    const full = await hub.until(({ journal }) => journal.state === 'full', 10_000)
    assert.match(full.journal.error ?? '', /has reached its limit of 524288 bytes/)
    assert.equal(full.ledger.pending, full.ledger.received)

    rmSync(blockade)
    await Promise.all(publishers.map((one) => one.finish(20_000)))
    const drained = await hub.until(({ ledger, journal }) => ledger.pending === 0 && journal.bytes < 256 * 1024, 15_000)
    assert.equal(drained.journal.state, 'writing')
    assert.equal(drained.ledger.unaccounted, 0)

    const lines = readFileSync(join(hub.folder, 'out', 'full.jsonl'), 'utf8')
      .trim()
      .split('\n')
    const kept = lines.map((line) => (JSON.parse(line) as { payload: { device: string; n: number } }).payload)
    for (const { acknowledged, made, options, refused } of publishers) {
      const numbers = kept.filter(({ device }) => device === options.client).map(({ n }) => n)
      assert.equal(acknowledged.size, made)
      assert.deepEqual(
        [...acknowledged].filter((n) => !numbers.includes(n)),
        [],
        `${options.client}: acknowledged and lost`,
      )
      if (options.version === 5) assert.deepEqual([...refused.keys()], [0x97], options.client)
      else {
        // It was told nothing and sent again in order; a refused one of version 5 may be overtaken by the next that fits.
        const first = numbers.filter((n, at) => numbers.indexOf(n) === at)
        assert.deepEqual(
          first,
          [...first].sort((one, other) => one - other),
          `${options.client}: out of order`,
        )
      }
    }
  } finally {
    for (const one of publishers) one.abandon()
    await hub.dispose()
  }
})

function publisherOf(port: number, qos: 1 | 2, version: 4 | 5): StubbornPublisher {
  const client = `full-${qos}-${version}`
  const payload = (n: number): string => JSON.stringify({ device: client, n, note: 'x'.repeat(400) })
  return new StubbornPublisher({
    port,
    client,
    topic: `full/${client}`,
    qos,
    version,
    rate: 300,
    maxInFlight: 50,
    payload,
  })
}
