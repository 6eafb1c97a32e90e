import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Counters } from '../../../src/broker/counters.ts'
import { type BrokerLimits, defaultLimits } from '../../../src/broker/limits.ts'
import { noFlow } from '../../../src/broker/options.ts'
import { Router } from '../../../src/broker/router/router.ts'
import { Session } from '../../../src/broker/session/session.ts'
import { plainName } from '../../../src/broker/session/subscription-name.ts'
import { TimingWheel } from '../../../src/broker/timing-wheel.ts'

function make(change: Partial<BrokerLimits> = {}) {
  const limits = { ...defaultLimits, ...change }
  const router = new Router(noFlow, limits, 1)
  const world = { limits, counters: new Counters(), wheel: new TimingWheel(0, 250), now: () => 0 }
  const session = (name: string) => new Session(name, world)
  const subscribe = (who: Session, filter: string) => {
    const refusal = router.refusal(who, plainName(filter))
    const options = { qos: 0, noLocal: false, retainAsPublished: false, id: 0 } as const
    if (refusal === null) router.subscribe(who, { name: plainName(filter), ...options })
    return refusal
  }
  return { router, session, subscribe }
}

/** Unlike any other in each of its levels. */
const own = (name: string, levels: number) => Array.from({ length: levels }, (_, i) => `${name}${i}`).join('/')

test('A7: one session subscribes up to a weight, and may again when it lets go', () => {
  const { router, session, subscribe } = make({ maxSubscriptionBytes: 100_000 })
  const greedy = session('greedy')
  let taken = 0
  while (subscribe(greedy, own(`f${taken}-`, 100)) === null) taken++
  assert.equal(taken, 2)
  assert.ok(greedy.subscriptionBytes <= 100_000)
  assert.equal(subscribe(greedy, own('late', 100)), 'too-heavy')
  assert.equal(subscribe(session('other'), own('late', 100)), null, 'others are not concerned')
  router.unsubscribe(greedy, own('f0-', 100))
  assert.equal(subscribe(greedy, own('then', 100)), null)
})

test('A7: all sessions together subscribe up to a weight', () => {
  const { router, session, subscribe } = make({ maxAllSubscriptionBytes: 500_000 })
  const sessions = Array.from({ length: 20 }, (_, i) => session(`s${i}`))
  const refusals = sessions.map((each) => subscribe(each, own(each.clientId, 100)))
  assert.deepEqual([...new Set(refusals)], [null, 'too-heavy'])
  assert.ok(router.subscriptionBytes <= 500_000 && router.subscriptionBytes > 400_000)
  for (const each of sessions) router.unsubscribeAll(each)
  assert.equal(router.subscriptionBytes, 0)
  assert.equal(subscribe(sessions[19]!, own('s19', 100)), null)
})

test('levels that many subscribe to weigh once', () => {
  const { session, subscribe } = make({ maxAllSubscriptionBytes: 1_000_000 })
  for (let i = 0; i < 1000; i++) assert.equal(subscribe(session(`s${i}`), 'plant/+/line/+/temperature'), null)
})

test('a filter with too many levels is refused, whatever room there is', () => {
  const { session, subscribe } = make()
  assert.equal(subscribe(session('a'), '/'.repeat(127)), null)
  assert.equal(subscribe(session('a'), '/'.repeat(128)), 'too-deep')
})

test('a filter that the session has may be subscribed to again, however full it is', () => {
  const { router, session, subscribe } = make({ maxSubscriptionBytes: 1500, maxSubscriptionsPerSession: 1 })
  const full = session('full')
  assert.equal(subscribe(full, 'a/b'), null)
  assert.equal(subscribe(full, 'c'), 'too-many')
  assert.equal(subscribe(full, 'a/b'), null)
  assert.equal(router.subscriptionCount, 1)
})

test('what was weighed in is weighed out, in whatever order filters come and go', () => {
  const level = fc.constantFrom('a', 'b', '+', '')
  const filter = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => `x${levels.join('/')}`)
  const filters = fc.array(
    fc.tuple(
      fc.nat(2),
      filter.map((each) => each.replaceAll('x+', '+')),
      fc.boolean(),
    ),
  )
  fc.assert(
    fc.property(filters, (steps) => {
      const { router, session, subscribe } = make()
      const sessions = [session('0'), session('1'), session('2')]
      for (const [who, each, comes] of steps) {
        if (comes) subscribe(sessions[who]!, each)
        else router.unsubscribe(sessions[who]!, each)
        const total = sessions.reduce((sum, { subscriptionBytes }) => sum + subscriptionBytes, 0)
        assert.ok(router.subscriptionBytes >= 0 && total >= 0)
      }
      for (const each of sessions) router.unsubscribeAll(each)
      assert.deepEqual([router.subscriptionBytes, router.subscriptionCount], [0, 0])
      assert.deepEqual(
        sessions.map(({ subscriptionBytes }) => subscriptionBytes),
        [0, 0, 0],
      )
    }),
  )
})
