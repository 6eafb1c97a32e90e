import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FaultyDisk, until } from '../journal/journal-fixture.ts'
import { type RigOptions, type Sent, StateRig } from './state-rig.ts'

/** Each message once, by its number, whatever was sent again; gathered by key. */
const rules = {
  r: `from: a/{x}
once: { by: "\${payload.v}", within: 10d }
window: { every: 1m, by: "\${payload.k}", values: { n: count(), sum: sum(payload.v) } }
to: [{ sink: records }]
`,
}

/** The same numbers for the same seed. *Source*: mulberry32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

interface Numbers {
  made: number
  readonly acknowledged: Set<number>
  /** What the sink has seen, by its identity. */
  readonly seen: Map<number, Sent>
}

const newNumbers = (): Numbers => ({ made: 0, acknowledged: new Set(), seen: new Map() })

/** The sink has taken all it is owed, and the journal may let that go. */
async function deliver(rig: StateRig, { seen }: Numbers): Promise<void> {
  for (const one of await rig.sent()) seen.set(one.position, one)
  rig.settle(rig.journal.durable)
}

/** Sends a number; if it is not acknowledged it is to be sent again. */
function send(rig: StateRig, v: number, { acknowledged }: Numbers): Promise<void> {
  return rig.take({ k: `k${v % 5}`, v }).then((error) => {
    if (error === null) acknowledged.add(v)
  })
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** One life of a hub: some messages, some time; then it is gone, at any moment. */
async function live(rig: StateRig, numbers: Numbers, random: (below: number) => number): Promise<void> {
  const again = Array.from({ length: numbers.made }, (_, at) => at + 1).filter((v) => !numbers.acknowledged.has(v))
  for (const v of again) void send(rig, v, numbers)
  for (let step = 0; step < 8; step++) {
    for (let burst = random(12); burst > 0; burst--) {
      void send(rig, ++numbers.made, numbers)
      // A device that does not wait for its answer.
      if (random(4) === 0) void send(rig, 1 + random(numbers.made), numbers)
    }
    if (random(2) === 0) rig.advance(random(40_000))
    for (let turns = random(6); turns > 0; turns--) await turn()
  }
}

/** Lives until all is acknowledged, closes all windows, and holds the results against what was sent. */
async function conclude(rig: StateRig, numbers: Numbers): Promise<void> {
  for (let v = 1; v <= numbers.made; ) {
    // A write that failed may still be on its way: then it is sent again.
    await until(() => rig.journal.error === null && rig.keeper.isReady)
    await send(rig, v, numbers)
    if (numbers.acknowledged.has(v)) v++
  }
  rig.advance(120_000)
  await deliver(rig, numbers)
  const sent = [...numbers.seen.values()]
  const total = (field: string): number => sent.reduce((sum, { payload }) => sum + (payload[field] as number), 0)
  assert.equal(total('n'), numbers.made, 'counted once each')
  assert.equal(total('sum'), (numbers.made * (numbers.made + 1)) / 2)
  const windows = sent.map(({ payload }) => `${payload['key']} ${payload['start']}`)
  assert.equal(new Set(windows).size, windows.length, 'no window has two results')
}

const optionsOf = (random: (below: number) => number): RigOptions => ({
  rules,
  snapshotEveryMs: random(3),
  journal: { segmentBytes: 2000 + random(4000) },
})

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`A1 A3: a hub is killed 12 times while windows fill, and their sums are those of all messages, each once (seed ${seed})`, async (t) => {
    await killAndCount(t, seed)
  })
}

async function killAndCount(t: TestContext, seed: number): Promise<void> {
  const random = randomOf(seed)
  const numbers = newNumbers()
  let rig = await StateRig.open(t, optionsOf(random))
  for (let kill = 0; kill < 12; kill++) {
    await live(rig, numbers, random)
    const known = new Set(numbers.acknowledged)
    const folder = rig.crash(t)
    const { nowMs } = rig
    await rig.close()
    // What the dead would have said after its death was not heard.
    for (const v of numbers.acknowledged) if (!known.has(v)) numbers.acknowledged.delete(v)
    rig = await StateRig.open(t, { ...optionsOf(random), folder, nowMs })
    if (random(2) === 0) await deliver(rig, numbers)
  }
  await conclude(rig, numbers)
}

test('A1 A3: the disk fails while windows fill, and their sums are those of all messages, each once', async (t) => {
  for (const seed of [11, 12, 13]) {
    const random = randomOf(seed)
    const files = new FaultyDisk()
    const numbers = newNumbers()
    const rig = await StateRig.open(t, { ...optionsOf(random), files })
    for (let fault = 0; fault < 3; fault++) {
      await live(rig, numbers, random)
      files.fault = { code: 'EIO', landedBytes: random(3000) }
      await live(rig, numbers, random)
      files.fault = null
      await until(() => rig.journal.error === null && rig.keeper.isReady)
    }
    await conclude(rig, numbers)
    await rig.close()
  }
})
