import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TrestleError } from '../../src/contract/error.ts'
import { stateSink } from '../../src/flow/state-notes.ts'
import { deadLetterSink } from '../../src/journal/port.ts'
import { load } from '../engine/rules.ts'
import { FaultyDisk, segmentsIn, until } from '../journal/journal-fixture.ts'
import { type RigOptions, StateRig } from './state-rig.ts'

const minute = 60_000
const counting = {
  r: 'from: a/{x}\nwindow: { every: 1m, by: "${payload.k}", values: { n: count(), sum: sum(payload.v) } }\nto: [{ sink: records }]\n',
}
const once = { r: 'from: a/{x}\nonce: { by: "${payload.id}", within: 1h }\nto: [{ sink: records }]\n' }

/** Goes on with what a crash at this moment leaves. */
async function afterCrash(t: TestContext, rig: StateRig, more: Partial<RigOptions> & Pick<RigOptions, 'rules'>) {
  const folder = rig.crash(t)
  await rig.close()
  return StateRig.open(t, { ...more, folder, nowMs: rig.nowMs })
}

describe('A1: what a window has acknowledged', () => {
  test('is in its result, which is one record: sent once, closed with it', async (t) => {
    const rig = await StateRig.open(t, { rules: counting })
    for (const v of [1, 2, 3]) assert.equal(await rig.take({ k: 'a', v }), null)
    assert.deepEqual(await rig.sent(), [])
    assert.ok(rig.advance(minute))
    assert.ok(rig.advance(minute))
    const [sent, ...more] = await rig.sent()
    assert.deepEqual(more, [])
    assert.deepEqual([sent!.payload['n'], sent!.payload['sum'], sent!.payload['key']], [3, 6, 'a'])
    assert.equal(sent!.orderKey, 'r/a')
  })

  test('is there after a crash, from the journal alone', async (t) => {
    const before = await StateRig.open(t, { rules: counting })
    await Promise.all([1, 2, 3].map((v) => before.take({ k: 'a', v })))
    const rig = await afterCrash(t, before, { rules: counting })
    assert.deepEqual([rig.restored!.keys, rig.restored!.replayed], [1, 3])
    await rig.take({ k: 'a', v: 4 })
    rig.advance(minute)
    const sent = await rig.sent()
    assert.deepEqual(
      sent.map(({ payload }) => [payload['n'], payload['sum']]),
      [[4, 10]],
    )
  })

  test('is there after a stop, from the snapshot alone, and closes at once when it is overdue', async (t) => {
    const before = await StateRig.open(t, { rules: counting })
    await before.take({ k: 'a', v: 7 })
    await before.close()
    const rig = await StateRig.open(t, { rules: counting, folder: before.folder, nowMs: before.nowMs + 90_000 })
    assert.deepEqual([rig.restored!.keys, rig.restored!.replayed], [1, 0])
    rig.advance(0)
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => payload['sum']),
      [7],
    )
  })

  test('is not sent again after a crash that comes behind its result', async (t) => {
    const before = await StateRig.open(t, { rules: counting })
    await before.take({ k: 'a', v: 1 })
    before.advance(minute)
    assert.equal((await before.sent()).length, 1)
    const rig = await afterCrash(t, before, { rules: counting })
    assert.equal(rig.restored!.keys, 0)
    rig.advance(minute)
    assert.equal((await rig.sent()).length, 1)
  })
})

describe('what has passed', () => {
  test('is known after a crash, so that a repeat is dropped', async (t) => {
    const before = await StateRig.open(t, { rules: once })
    await before.take({ id: 1 })
    const rig = await afterCrash(t, before, { rules: once })
    await rig.take({ id: 1 })
    await rig.take({ id: 2 })
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => payload['id']),
      [1, 2],
    )
  })

  test('A1: a repeat is not acknowledged before the message it repeats is safe, and heard of when that is lost', async (t) => {
    const files = new FaultyDisk()
    const rig = await StateRig.open(t, { rules: once, files })
    files.held = []
    const answers: (string | null)[] = []
    const note = (error: TrestleError | null): number => answers.push(error?.code ?? null)
    void rig.take({ id: 1 }).then(note)
    await until(() => files.held!.length === 1)
    void rig.take({ id: 1 }).then(note)
    await sleep(20)
    assert.deepEqual(answers, [], 'neither is on disk')
    files.fault = { code: 'EIO', landedBytes: 0 }
    files.letGo()
    await until(() => answers.length === 2)
    assert.deepEqual(answers, ['E504', 'E504'])
    assert.match(
      (await rig.take({ id: 1 }))!.message,
      /journal|read back|disk/,
      'nothing is decided before all is known',
    )
    files.fault = null
    await until(() => rig.journal.error === null)
    assert.equal(await rig.take({ id: 1 }), null)
    assert.equal((await rig.sent()).length, 1, 'what was lost passes when it comes again')
  })

  test('needs no disk to be dropped again', async (t) => {
    const rig = await StateRig.open(t, { rules: once })
    await rig.take({ id: 1 })
    const { durable } = rig.journal
    for (let n = 0; n < 10; n++) await rig.take({ id: 1 })
    assert.equal(rig.journal.durable, durable)
  })
})

describe('a sample', () => {
  const rules = {
    r: 'from: a/{x}\nat_most: { every: 10s, keep: last }\nset: { seen: "true" }\nto: [{ sink: records }, { publish: "b/${x}", retain: true }]\n',
  }

  test('is the last message as it was, shaped by the rule, after a crash, too', async (t) => {
    const before = await StateRig.open(t, { rules })
    await before.take({ v: 1 })
    await before.take({ v: 2 }, 'a/1', { properties: { correlationData: Buffer.from([1, 2]), contentType: 'x/y' } })
    const rig = await afterCrash(t, before, { rules })
    rig.advance(10_000)
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => payload),
      [{ v: 2, seen: true }],
    )
    const [routed] = rig.routed
    assert.deepEqual([routed!.topic, routed!.properties?.contentType], ['b/1', 'x/y'])
    assert.deepEqual([...routed!.properties!.correlationData!], [1, 2])
  })
})

describe('what one rule publishes into another that gathers', () => {
  const rules = {
    r1: 'from: a/{x}\nto: [{ publish: "b/${x}" }]\nset: { v: payload.v * 2 }\n',
    r2: 'from: b/{x}\nwindow: { every: 1m, values: { sum: sum(payload.v) } }\nto: [{ sink: records }, { publish: "c/${x}" }]\n',
    r3: 'from: c/{x}\nonce: { by: "${payload.start}", within: 1h }\nto: [{ sink: lake, topic: "c.${x}" }]\n',
  }

  test('is one record each way, and is found again after a crash', async (t) => {
    const before = await StateRig.open(t, { rules })
    await before.take({ v: 1 })
    await before.take({ v: 2 })
    const rig = await afterCrash(t, before, { rules })
    rig.advance(minute)
    const [sent] = await rig.sent()
    assert.deepEqual([sent!.payload['sum'], sent!.payload['key']], [6, 'b/1'])
    assert.deepEqual(
      (await rig.sent('lake')).map(({ position }) => position),
      [sent!.position],
    )
  })
})

describe('a snapshot', () => {
  test('lets the journal go, however long the windows are open', async (t) => {
    const rules = { r: counting.r.replace('1m', '1d') }
    const rig = await StateRig.open(t, { rules, snapshotEveryMs: 1, journal: { segmentBytes: 4096 } })
    let last = 0
    for (let v = 1; v <= 300; v++) {
      await rig.take({ k: `k${v % 7}`, v })
      last = rig.journal.durable
      rig.settle(last)
    }
    assert.ok(segmentsIn(rig.folder).length < 40, `${segmentsIn(rig.folder).length} segments`)
    await until(() => {
      rig.settle(last)
      return segmentsIn(rig.folder).length <= 2
    })
    const next = await afterCrash(t, rig, { rules })
    next.advance(25 * 60 * minute)
    const sums = (await next.sent()).map(({ payload }) => payload['sum'] as number)
    assert.equal(
      sums.reduce((a, b) => a + b, 0),
      45_150,
    )
  })

  test('does not hold the journal for rules that keep nothing new', async (t) => {
    const rig = await StateRig.open(t, {
      rules: { ...once, s: 'from: s\nto: [{ sink: records }]\n' },
      snapshotEveryMs: 1,
    })
    assert.equal(rig.keeper.lowWater, Number.POSITIVE_INFINITY)
    await rig.take({ id: 1 })
    assert.ok(rig.keeper.lowWater < Number.POSITIVE_INFINITY)
    await until(() => rig.keeper.lowWater === Number.POSITIVE_INFINITY)
  })

  test('that is damaged, of another journal or of a newer version stops the start with its place', async (t) => {
    const rig = await StateRig.open(t, { rules: once })
    await rig.take({ id: 1 })
    await rig.close()
    const file = path.join(path.dirname(rig.folder), 'state', 'state.snapshot')
    const whole = fs.readFileSync(file, 'utf8')
    const attempt = async (text: string): Promise<unknown> => {
      fs.writeFileSync(file, text)
      return StateRig.open(t, { rules: once, folder: rig.folder }).catch((error) => error)
    }
    const codeOf = async (text: string): Promise<string> => ((await attempt(text)) as TrestleError).code
    assert.equal(await codeOf(whole.replace('"1",', '"2",')), 'E503')
    fs.rmSync(path.join(rig.folder, 'lock'), { force: true })
    assert.equal(await codeOf(whole.slice(0, -10)), 'E503')
    fs.rmSync(path.join(rig.folder, 'lock'), { force: true })
    assert.equal(await codeOf(whole.replace('"format":1', '"format":2')), 'E502')
    fs.rmSync(path.join(rig.folder, 'lock'), { force: true })
    for (const [from, to] of [
      ['[0,', '[0 '],
      ['[0,"1",', '[0,['],
      ['[0,', '[7,'],
      ['"tables":[', '"tables":[null,'],
    ] as const) {
      assert.equal(await codeOf(whole.replace(from, to)), 'E503', from)
      fs.rmSync(path.join(rig.folder, 'lock'), { force: true })
    }
    assert.equal(await codeOf(whole.replace(/"hub":"[^"]*"/, '"hub":"other"')), 'E503')
  })
})

describe('B9: what rules keep at a reload', () => {
  test('goes on where the clause is as it was', async (t) => {
    const rig = await StateRig.open(t, { rules: counting })
    await rig.take({ k: 'a', v: 1 })
    rig.flow.replaceRules(load({ r: counting.r.replace('to:', 'set: { more: "1" }\nto:') }))
    await rig.take({ k: 'a', v: 2 })
    rig.advance(minute)
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => [payload['sum'], payload['more']]),
      [[3, 1]],
    )
  })

  test('begins anew where what the clause is made of is another: the topics, the names it uses', async (t) => {
    const rule = (from: string, lets: string, text = ''): Record<string, string> => ({
      r: `from: ${from}\nlet: { c: ${lets}, d: c + 1, other: "1${text}" }\nwindow: { every: 1m, values: { sum: sum(d) } }\nto: [{ sink: records }]\n`,
    })
    const idOf = (rules: Record<string, string>): string => load(rules).rules[0]!.state!.gather!.table.id
    const id = idOf(rule('a/{x}', 'payload.v'))
    assert.equal(idOf(rule('a/{x}', 'payload.v', '23')), id, 'a name that it does not use')
    assert.notEqual(idOf(rule('a/{y}', 'payload.v')), id)
    assert.notEqual(idOf(rule('a/{x}', 'payload.v * 2')), id, 'a name by way of another')
    const rig = await StateRig.open(t, { rules: rule('a/{x}', 'payload.v') })
    await rig.take({ v: 1 })
    rig.flow.replaceRules(load(rule('b/{x}', 'payload.v')))
    rig.advance(1)
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => [payload['sum'], payload['partial']]),
      [[2, true]],
    )
  })

  test('A1: is sent on early, by the rule as it was, where the clause is another or the rule is gone', async (t) => {
    const rig = await StateRig.open(t, { rules: counting })
    await rig.take({ k: 'a', v: 1 })
    rig.flow.replaceRules(load({ r: counting.r.replace('1m', '2m') }))
    await rig.take({ k: 'a', v: 2 })
    rig.advance(1)
    rig.flow.replaceRules(load(once))
    rig.advance(1)
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => [payload['sum'], payload['partial']]),
      [
        [1, true],
        [2, true],
      ],
    )
    const next = await afterCrash(t, rig, { rules: once })
    assert.equal(next.restored!.keys, 0)
    assert.deepEqual(next.restored!.orphans, [])
  })

  test('A1: is a dead letter where the rule is gone after a start: nothing acknowledged is forgotten', async (t) => {
    const before = await StateRig.open(t, { rules: counting })
    await before.take({ k: 'a', v: 1 })
    await before.take({ k: 'a', v: 2 })
    const rig = await afterCrash(t, before, { rules: once })
    assert.equal(rig.restored!.orphans.length, 1)
    assert.ok(rig.advance(0))
    const [letter, ...more] = await rig.sent(deadLetterSink)
    assert.deepEqual([letter!.payload['sum'], letter!.payload['key'], more.length], [3, 'a', 0])
    const next = await afterCrash(t, rig, { rules: once })
    assert.deepEqual(next.restored!.orphans, [])
    next.advance(0)
    assert.equal((await next.sent(deadLetterSink)).length, 1)
  })
})

test('A1: a window of a rule that came and went between two snapshots is a dead letter, too', async (t) => {
  const before = await StateRig.open(t, { rules: once })
  // The snapshot of the reload never gets to the disk.
  const state = path.join(path.dirname(before.folder), 'state')
  fs.rmSync(state, { recursive: true })
  fs.writeFileSync(state, '')
  before.flow.replaceRules(load(counting))
  for (const v of [1, 2]) await before.take({ k: 'a', v })
  await until(() => before.errors.length > 0)
  fs.rmSync(state)
  const rig = await afterCrash(t, before, { rules: once })
  assert.deepEqual(
    rig.restored!.orphans.map(({ keys }) => keys),
    [1],
  )
  rig.advance(0)
  assert.deepEqual(
    (await rig.sent(deadLetterSink)).map(({ payload }) => payload['sum']),
    [3],
  )
})

test('A1: what was sent on early is sent again when the disk has lost it', async (t) => {
  const files = new FaultyDisk()
  const rig = await StateRig.open(t, { rules: counting, files })
  await rig.take({ k: 'a', v: 5 })
  rig.flow.replaceRules(load(once))
  files.fault = { code: 'EIO', landedBytes: 0 }
  rig.advance(1)
  await until(() => rig.journal.error !== null)
  files.fault = null
  await until(() => rig.journal.error === null && rig.keeper.isReady)
  rig.advance(1)
  rig.advance(1)
  assert.deepEqual(
    (await rig.sent()).map(({ payload }) => payload['sum']),
    [5],
  )
})

test('A8: the journal counts what was gathered by rule, and notes of what passed apart', async (t) => {
  const rig = await StateRig.open(t, { rules: { ...counting, s: once.r.replace('a/{x}', 's') } })
  await rig.take({ k: 'a', v: 1 })
  await rig.take({ k: 'a', v: 2 })
  await rig.take({ id: 1 }, 's')
  rig.advance(minute)
  await rig.sent()
  assert.deepEqual(rig.journal.tally()[stateSink]!.byRule, { r: 2, $notes: 2 })
})
