import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Delivery, Receipt, Sink } from 'trestle/contract'
import { deliveries, type Shape } from '../support/delivery.ts'

/** What a far side holds, in its own order, however the sink wrote it. */
export interface ReadBack {
  id: string
  key: string | null
  value: string
}

/** A sink before it is opened, and a way to see its far side with other eyes. */
export interface SinkUnderTest {
  sink: Sink
  /** Another sink to the same far side, as the hub makes one after a lost connection. */
  again(): Sink
  readBack(): Promise<readonly ReadBack[]>
  /** Frees the far side; the sinks are closed before. */
  stop(): Promise<void>
}

export interface SinkSuiteOptions {
  make(): Promise<SinkUnderTest>
  /** Fields every delivery needs here (target, options …). */
  shape?: Shape
  /** The far side has no keys: what is read back need not carry them. */
  withoutKeys?: boolean
  /** Payloads the far side takes; JSON texts unless said. */
  payloadOf?: (n: number) => string
  /** Why it cannot run here. */
  skip?: string | false
}

/**
 * What every sink must do, whatever is behind it: the contract of `src/contract/connector.ts` as tests. What differs
 * (faults of the far side and their retry classes) is in the connector's own tests.
 */
export function sinkSuite(name: string, options: SinkSuiteOptions): void {
  const payloadOf = options.payloadOf ?? ((n) => `{"n":${n}}`)
  const using =
    (work: (given: SinkUnderTest, next: (n: number, shape?: Shape) => Delivery) => Promise<void>) =>
    async (): Promise<void> => {
      const given = await options.make()
      const make = deliveries()
      try {
        await work(given, (n, shape) =>
          make({ ...options.shape, payload: payloadOf(n), key: `key-${n % 3}`, ...shape }),
        )
      } finally {
        await given.stop()
      }
    }
  const opened = (work: (given: SinkUnderTest, next: (n: number, shape?: Shape) => Delivery) => Promise<void>) =>
    using(async (given, next) => {
      await given.sink.open()
      await work(given, next).finally(() => given.sink.close())
    })

  describe(`${name} as a sink`, { skip: options.skip ?? false }, () => {
    test(
      'names limits that the hub can keep',
      using(async ({ sink }) => {
        assert.ok(sink.limits.count >= 1 && sink.limits.bytes >= 1 && sink.limits.lingerMs >= 0)
        assert.ok(sink.ordering === 'key' || sink.ordering === 'total')
      }),
    )

    test(
      'answers a receipt per delivery; what it says is delivered can be read at once',
      opened(async (given, next) => {
        const batch = Array.from({ length: 10 }, (_, n) => next(n))
        assertDelivered(await given.sink.deliver(batch), 10)
        const read = await given.readBack()
        const keyOf = (one: Delivery | ReadBack): string | null => (options.withoutKeys ? null : one.key)
        assert.deepEqual(
          sortById(read.map((one) => ({ id: one.id, key: keyOf(one), value: one.value }))),
          sortById(batch.map((one) => ({ id: one.id, key: keyOf(one), value: Buffer.from(one.payload).toString() }))),
        )
      }),
    )

    test(
      'keeps the order of each key, within a batch and from batch to batch',
      opened(async (given, next) => {
        const all = Array.from({ length: 60 }, (_, n) => next(n, { orderKey: `key-${n % 3}` }))
        for (let at = 0; at < all.length; at += 20)
          assertDelivered(await given.sink.deliver(all.slice(at, at + 20)), 20)
        const places = new Map((await given.readBack()).map(({ id }, place) => [id, place]))
        for (let key = 0; key < 3; key++) {
          const inOrder = all.filter((_, n) => n % 3 === key).map(({ id }) => places.get(id)!)
          assert.deepEqual(
            inOrder,
            inOrder.toSorted((one, other) => one - other),
            `key-${key}`,
          )
        }
      }),
    )

    test(
      'takes a delivery again under the same identity, so that a reader can drop it',
      opened(async (given, next) => {
        const one = next(1)
        assertDelivered(await given.sink.deliver([one]), 1)
        assertDelivered(await given.sink.deliver([{ ...one, attempt: 2 }]), 1)
        const read = await given.readBack()
        assert.deepEqual([...new Set(read.map(({ id }) => id))], [one.id])
        assert.equal(new Set(read.map(({ value }) => value)).size, 1)
      }),
    )

    test(
      'leaves what it was handed as it was',
      opened(async (given, next) => {
        const batch = [next(1), next(2)]
        const before = structuredClone(batch)
        await given.sink.deliver(batch)
        assert.deepEqual(structuredClone(batch), before)
      }),
    )

    test(
      'goes on behind a sink that was closed',
      opened(async (given, next) => {
        assertDelivered(await given.sink.deliver([next(1)]), 1)
        await given.sink.close()
        const second = given.again()
        await second.open()
        try {
          assertDelivered(await second.deliver([next(2)]), 1)
        } finally {
          await second.close()
        }
        assert.deepEqual((await given.readBack()).map(({ value }) => value).sort(), [payloadOf(1), payloadOf(2)].sort())
      }),
    )

    test(
      'can be closed although it was never opened',
      using(async ({ sink }) => {
        await sink.close()
      }),
    )
  })
}

const assertDelivered = (receipts: readonly Receipt[], count: number): void => {
  assert.deepEqual(
    receipts.map(({ outcome, error }) => error?.message ?? outcome),
    Array.from({ length: count }, () => 'delivered'),
  )
}

const sortById = <T extends { id: string }>(items: readonly T[]): T[] =>
  items.toSorted((one, other) => one.id.localeCompare(other.id, 'en', { numeric: true }))
