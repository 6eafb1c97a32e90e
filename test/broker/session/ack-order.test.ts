import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { AckOrder, type OrphanPort } from '../../../src/broker/session/ack-order.ts'
import { TrestleError } from '../../../src/contract/error.ts'

function make() {
  const answers: string[] = []
  const orphans: string[] = []
  const order = new AckOrder((kind, id, error) => answers.push(`${kind}:${id}:${error?.code ?? 'ok'}`))
  const port: OrphanPort = { decide: (id, error) => orphans.push(`${id}:${error?.code ?? 'ok'}`) }
  return { order, answers, orphans, port }
}

test('answers leave in the order of the publishes, whatever the order in which they are settled', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(40).keys()], { minLength: 40, maxLength: 40 }), (settling) => {
      const { order, answers } = make()
      const tokens = settling.map((_, i) => order.open(((i % 2) + 1) as 1 | 2, i + 1))
      for (const i of settling) order.settle(tokens[i]!, i % 7 === 0 ? new TrestleError('E401', 'no') : null)
      assert.deepEqual(
        answers,
        settling.map((_, i) => `${(i % 2) + 1}:${i + 1}:${i % 7 === 0 ? 'E401' : 'ok'}`),
      )
      assert.equal(order.size, 0)
      assert.equal(order.waitingQos1, 0)
    }),
    { numRuns: 200 },
  )
})

test('the line grows and wraps without mixing up its places', () => {
  const { order, answers } = make()
  let opened = 0
  const tokens: number[] = []
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 13; i++) tokens.push(order.open(1, (opened++ % 65_535) + 1))
    for (let i = 0; i < 9; i++) order.settle(tokens.shift()!, null)
  }
  while (tokens.length > 0) order.settle(tokens.shift()!, null)
  assert.deepEqual(
    answers,
    Array.from({ length: opened }, (_, i) => `1:${i + 1}:ok`),
  )
})

test('a token settled twice answers once, and an unknown one not at all', () => {
  const { order, answers } = make()
  const first = order.open(1, 5)
  const second = order.open(1, 6)
  order.settle(second, null)
  order.settle(second, new TrestleError('E401', 'no'))
  order.settle(99, null)
  order.settle(first, null)
  order.settle(first, null)
  assert.deepEqual(answers, ['1:5:ok', '1:6:ok'])
})

test('after the connection is gone nothing is answered, but the fate of QoS 2 messages is told', () => {
  const { order, answers, orphans, port } = make()
  const [a, b, c] = [order.open(2, 1), order.open(2, 2), order.open(1, 3)]
  order.settle(b!, null)
  order.close(port)
  assert.deepEqual(orphans, ['2:ok'], 'what was known and held back')
  order.settle(a!, new TrestleError('E504', 'disk'))
  order.settle(c!, null)
  assert.deepEqual(orphans, ['2:ok', '1:E504'])
  assert.deepEqual(answers, [])
})

class FakeOrphans implements OrphanPort {
  decided = 0
  decide(): void {
    this.decided++
  }
}

test('A7: a closed line holds on to neither the connection nor, without an open QoS 2 message, to anything else', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const close = (kind: 1 | 2) => {
    const connection = { answered: 0, bytes: new Uint8Array(1000) }
    const session = new FakeOrphans()
    const order = new AckOrder(() => connection.answered++)
    order.settle(order.open(2, 8), null)
    const token = order.open(kind, 9)
    order.close(session)
    return { order, token, connection: new WeakRef(connection), session: new WeakRef(session) }
  }
  const [one, two] = [close(1), close(2)]
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  assert.deepEqual(
    [one.connection.deref(), two.connection.deref(), one.session.deref()],
    [undefined, undefined, undefined],
  )
  two.order.settle(two.token, null)
  one.order.settle(one.token, null)
  assert.equal(two.session.deref()!.decided, 1)
})
