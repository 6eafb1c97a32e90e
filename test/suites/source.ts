import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Header, Message, Source } from 'trestle/contract'
import { until } from '../support/bridge-rig.ts'
import { HeldIntake, textOf } from '../support/held-intake.ts'

/** A record to be put into the far side. Its value is unique within a test. */
export interface PutRecord {
  readonly key: string
  readonly value: string
  readonly headers: readonly Header[]
}

/** A far side, sources to it that were not opened yet, and other eyes on it than theirs. */
export interface SourceUnderTest {
  /** A source as the hub makes one: each call another one, to the same place of the far side, under the same name. */
  make(): Source | Promise<Source>
  /**
   * Puts records into the far side, in this order. It may wait for the far side's own confirmation; where that comes only
   * with the source's acknowledgement (HTTP), so may this: the suite does not wait for it before it answers.
   */
  put(records: readonly PutRecord[]): Promise<unknown>
  /** How many records the far side (or the position kept for it) holds as not acknowledged. Asked again and again until it fits. */
  unacknowledged?(): Promise<number>
  /** Frees the far side; the sources are closed before. */
  stop(): Promise<void>
}

export interface SourceSuiteOptions {
  make(): Promise<SourceUnderTest>
  /** What the sources of `make` hand in at most without an answer; a fetch that was under way included. */
  maxUnsettled: number
  /** Records put while no source is open wait for one, and those without an acknowledgement come again. Default: yes. */
  remembers?: boolean
  /** Records carry headers, properties or labels. Default: yes. */
  withHeaders?: boolean
  /** Headers a record can carry here, for the test of the mapping; `key: value` pairs as text. */
  headers?: readonly Header[]
  /** The far side keeps one order for all records of a key. Default: yes. */
  ordered?: boolean
  /** A batch without an answer may hold back what comes behind it, so that two of them never stand open together. Default: no. */
  oneAtATime?: boolean
  /** Payloads the far side takes; JSON texts unless said. */
  payloadOf?: (n: number) => string
  /** How long nothing must come until it counts as nothing. Default: 400 ms. */
  quietMs?: number
  /** How long something may take to come. Default: 20 s. */
  limitMs?: number
  /** Why it cannot run here. */
  skip?: string | false
}

const usualHeaders: readonly Header[] = [
  ['mqtt-qos', '2'],
  ['content-type', 'application/json'],
  ['mqtt-response-topic', 'answers/1'],
  ['mqtt-client', 'device-7'],
  ['plant', 'oslo'],
]

/**
 * What every source must do, whatever is behind it: the contract of `src/contract/connector.ts` as tests. What differs
 * (faults of the far side and their retry classes) is in the connector's own tests.
 */
export function sourceSuite(name: string, options: SourceSuiteOptions): void {
  const { quietMs = 400, limitMs = 20_000, ordered = true, remembers = true, withHeaders = true } = options
  const forgets = remembers ? false : 'does not apply: its far side remembers nothing'
  const using = (work: (bench: Bench) => Promise<void>) => async (): Promise<void> => {
    const bench = new Bench(await options.make(), options.payloadOf ?? ((n) => `{"n":${n}}`), limitMs)
    try {
      await work(bench)
    } finally {
      await bench.stop()
    }
  }

  describe(`${name} as a source`, { skip: options.skip ?? false }, () => {
    test(
      'hands in everything that is put in, once, with its bytes',
      using(async (bench) => {
        const intake = await bench.open()
        const records = bench.records(50)
        bench.put(records)
        await bench.arrived(intake, records)
        await bench.quiet(quietMs)
        assert.deepEqual(intake.values.toSorted(), records.map(({ value }) => value).toSorted())
        assert.deepEqual(faultsOf(intake), [])
        for (const message of intake.taken) assertWellFormed(message)
      }),
    )

    test(
      'keeps the order of each key',
      { skip: ordered ? false : 'does not apply: its far side has no order' },
      using(async (bench) => {
        const intake = await bench.open()
        const records = bench.records(90)
        for (let at = 0; at < 90; at += 30) bench.put(records.slice(at, at + 30))
        await bench.arrived(intake, records)
        assertInOrder(intake, records)
      }),
    )

    test(
      'brings what was put in while it was closed',
      { skip: forgets },
      using(async (bench) => {
        const first = await bench.open()
        const before = bench.records(3)
        bench.put(before)
        await bench.arrived(first, before)
        await bench.close()
        const meanwhile = bench.records(7)
        await bench.put(meanwhile)
        const second = await bench.open()
        await bench.arrived(second, meanwhile)
        await bench.quiet(quietMs)
        assertSame(second.values, meanwhile)
      }),
    )

    test(
      'acknowledges nothing before its receipt: without one the same records come again',
      { skip: forgets },
      using(async (bench) => {
        const first = await bench.open(null)
        const records = bench.records(5)
        bench.put(records)
        if (options.oneAtATime) await bench.until(() => first.unanswered > 0, 'something is handed in')
        else await bench.arrived(first, records)
        await bench.unacknowledged(records.length)
        await bench.close()
        const second = await bench.open()
        await bench.arrived(second, records)
        if (ordered) assertInOrder(second, records)
        await bench.unacknowledged(0)
      }),
    )

    test(
      'acknowledges what has its receipt: that does not come again',
      { skip: forgets },
      using(async (bench) => {
        const first = await bench.open()
        const records = bench.records(10)
        bench.put(records)
        await bench.arrived(first, records)
        await bench.unacknowledged(0)
        await bench.close()
        await bench.expectNext()
      }),
    )

    test(
      'acknowledges what was refused, since it is dealt with, and not what failed',
      { skip: forgets },
      using(async (bench) => {
        const first = await bench.open('refused')
        const refused = bench.records(4)
        bench.put(refused)
        await bench.arrived(first, refused)
        await bench.unacknowledged(0)
        await bench.close()
        const second = await bench.open('failed')
        const failed = bench.records(4)
        bench.put(failed)
        await bench.until(() => second.values.some((value) => value === failed[0]!.value), 'the first one failed')
        await bench.close()
        const third = await bench.open()
        await bench.arrived(third, failed)
        await bench.quiet(quietMs)
        assert.deepEqual(
          third.values.filter((value) => refused.some((record) => record.value === value)),
          [],
        )
      }),
    )

    test(
      'acknowledges nothing in passing: what stands open before it comes again',
      { skip: forgets || (options.oneAtATime ? 'does not apply: it hands in one batch at a time' : false) },
      using(async (bench) => {
        const first = await bench.open(null)
        const [open, settled] = [bench.records(1), bench.records(1)]
        bench.put(open)
        await bench.arrived(first, open)
        bench.put(settled)
        await bench.arrived(first, [...open, ...settled])
        first.batches.find(({ messages }) => textOf(messages.at(-1)!.payload) === settled[0]!.value)!.answer('stored')
        await bench.quiet(quietMs)
        await bench.close()
        const second = await bench.open()
        await bench.arrived(second, open)
      }),
    )

    test(
      'holds the flow while it is paused, and goes on where it was',
      using(async (bench) => {
        const intake = await bench.open()
        const before = bench.records(3)
        bench.put(before)
        await bench.arrived(intake, before)
        bench.source!.pause()
        // What was read before may still be handed in.
        await bench.quiet(quietMs)
        const held = bench.records(6)
        const putting = bench.put(held)
        await Promise.race([putting, bench.quiet(quietMs)])
        await bench.quiet(quietMs)
        const early = intake.taken.length - before.length
        assert.equal(early, 0, `${early} messages came while it was paused`)
        bench.source!.resume()
        await bench.arrived(intake, [...before, ...held])
        if (ordered) assertInOrder(intake, [...before, ...held])
      }),
    )

    test(
      'bounds what it has handed in and not heard of, and goes on when it hears',
      using(async (bench) => {
        const intake = await bench.open(null)
        const records = bench.records(options.maxUnsettled * 3)
        for (let at = 0; at < records.length; at += 50) bench.put(records.slice(at, at + 50))
        await bench.until(() => intake.unanswered > 0, 'something is handed in')
        await bench.steady(intake, quietMs)
        assert.ok(intake.unanswered <= options.maxUnsettled, `${intake.unanswered} messages stand open`)
        intake.answerAll('stored')
        await bench.arrived(intake, records)
      }),
    )

    test(
      'reads the MQTT side of a message out of its headers, and makes user properties of the others',
      { skip: withHeaders ? false : 'does not apply: its records carry no headers' },
      using(async (bench) => {
        const headers = options.headers ?? usualHeaders
        const intake = await bench.open()
        const [record] = bench.records(1, headers)
        bench.put([record!])
        await bench.arrived(intake, [record!])
        const [message] = intake.taken
        for (const [header, value] of headers) assertCarried(message!, header, String(value))
      }),
    )

    test(
      'hands in nothing after it was closed',
      using(async (bench) => {
        const intake = await bench.open()
        const records = bench.records(2)
        bench.put(records)
        await bench.arrived(intake, records)
        await bench.close()
        const count = intake.taken.length
        if (remembers) await bench.put(bench.records(3))
        await bench.quiet(quietMs)
        assert.equal(intake.taken.length, count)
        assert.deepEqual(intake.losses, [], 'closing it loses nothing')
      }),
    )

    test(
      'can be closed although it was never opened, and twice',
      using(async (bench) => {
        const source = await bench.given.make()
        await source.close()
        await source.close()
      }),
    )
  })
}

/** One far side, the source that is open on it, and what was put in. */
class Bench {
  readonly given: SourceUnderTest
  source: Source | null = null
  readonly #payloadOf: (n: number) => string
  readonly #limitMs: number
  readonly #putting: Promise<unknown>[] = []
  #intake: HeldIntake | null = null
  #made = 0
  #failed: unknown = null

  constructor(given: SourceUnderTest, payloadOf: (n: number) => string, limitMs: number) {
    this.given = given
    this.#payloadOf = payloadOf
    this.#limitMs = limitMs
  }

  records(count: number, headers: readonly Header[] = []): PutRecord[] {
    return Array.from({ length: count }, () => {
      const n = ++this.#made
      return { key: `key-${n % 3}`, value: this.#payloadOf(n), headers }
    })
  }

  /** The puts of one test go one after another. */
  put(records: readonly PutRecord[]): Promise<unknown> {
    const before = this.#putting.at(-1) ?? Promise.resolve()
    const putting = before.then(() => this.given.put(records))
    putting.catch((thrown: unknown) => {
      this.#failed ??= thrown
    })
    this.#putting.push(putting)
    return putting
  }

  async open(outcome: HeldIntake['outcome'] = 'stored'): Promise<HeldIntake> {
    const intake = new HeldIntake(outcome)
    this.#intake = intake
    this.source = await this.given.make()
    await this.source.open(intake)
    return intake
  }

  /** As the hub does it: what was not answered has failed, then the source is closed. */
  async close(): Promise<void> {
    this.#intake?.end()
    const { source } = this
    this.source = null
    await source?.close()
  }

  async until(reached: () => boolean, what: string): Promise<void> {
    await until(
      () => {
        if (this.#failed !== null && this.source !== null) throw this.#failed
        return reached()
      },
      `${what}; it lost its far side: ${this.#intake?.losses.map(String).join(', ') || 'no'}`,
      this.#limitMs,
    )
  }

  async arrived(intake: HeldIntake, records: readonly PutRecord[]): Promise<void> {
    const missing = (): PutRecord[] => {
      const values = new Set(intake.values)
      return records.filter(({ value }) => !values.has(value))
    }
    try {
      await this.until(() => missing().length === 0, 'all has arrived')
    } catch (thrown) {
      const left = missing()
      if (left.length > 0) throw new Error(`${left.length} did not arrive, ${left[0]!.value} first`, { cause: thrown })
      throw thrown
    }
  }

  /** Only what is put in now is there for the next source. */
  async expectNext(): Promise<void> {
    const next = await this.open()
    const marker = this.records(1)
    this.put(marker)
    await this.arrived(next, marker)
    assertSame(next.values, marker)
  }

  async unacknowledged(count: number): Promise<void> {
    const { given } = this
    if (given.unacknowledged === undefined) return
    let seen = -1
    await until(
      async () => {
        seen = await given.unacknowledged!()
        return seen === count
      },
      `${count} records are unacknowledged upstream`,
      this.#limitMs,
    ).catch((thrown: unknown) => {
      throw new Error(`${seen} records are unacknowledged upstream, not ${count}`, { cause: thrown })
    })
  }

  quiet(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Until nothing more has come for so long. */
  async steady(intake: HeldIntake, ms: number): Promise<void> {
    for (let before = -1; before !== intake.taken.length; ) {
      before = intake.taken.length
      await this.quiet(ms)
    }
  }

  async stop(): Promise<void> {
    try {
      await this.close()
    } finally {
      await this.given.stop()
    }
  }
}

const assertSame = (values: readonly string[], records: readonly PutRecord[]): void =>
  assert.deepEqual(values.toSorted(), records.map(({ value }) => value).toSorted())

const faultsOf = (intake: HeldIntake): string[] =>
  intake.batches.flatMap(({ faults }) => [...faults.values()].map(({ message }) => message))

/** Records may come again (at least once), but the first coming of each keeps the order of its key. */
function assertInOrder(intake: HeldIntake, records: readonly PutRecord[]): void {
  const first = new Map<string, number>()
  for (const [at, value] of intake.values.entries()) if (!first.has(value)) first.set(value, at)
  for (const key of new Set(records.map((record) => record.key))) {
    const places = records.filter((record) => record.key === key).map(({ value }) => first.get(value)!)
    assert.deepEqual(
      places,
      places.toSorted((one, other) => one - other),
      `order of ${key}`,
    )
  }
}

function assertWellFormed(message: Message): void {
  assert.ok(message.topic.length > 0 && !/[+#\0]/.test(message.topic), `topic ${JSON.stringify(message.topic)}`)
  assert.ok(message.source !== null, 'it names its source')
  assert.ok(message.timeMs > 1_000_000_000_000 && message.timeMs < 10_000_000_000_000, `time ${message.timeMs}`)
}

function assertCarried(message: Message, header: string, value: string): void {
  const { properties, client, qos } = message
  if (header === 'mqtt-qos') assert.equal(qos, Number(value))
  else if (header === 'mqtt-client') assert.equal(client, value)
  else if (header === 'content-type') assert.equal(properties?.contentType, value)
  else if (header === 'mqtt-response-topic') assert.equal(properties?.responseTopic, value)
  else
    assert.ok(
      properties?.user?.some(([name, given]) => name === header && given === value),
      `header ${header}`,
    )
}
