import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Served, serve } from './fake-hub.ts'

let served: Served
before(async () => {
  served = await serve()
})
after(() => served.api.stop())

async function ask(path: string, body?: object): Promise<{ status: number; json: Record<string, unknown> }> {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${served.api.url}/api/clients/${path}`, body === undefined ? {} : options)
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

test('clients are subscribed, shown and unsubscribed by their id, whatever is in it', async () => {
  const { status, json } = await ask('a%2Fb/subscribe', { filters: ['x', 'refused'] })
  assert.deepEqual(
    [status, json['items']],
    [
      200,
      [
        { filter: 'x', done: true, reason: 'success' },
        { filter: 'refused', done: false, reason: 'not authorised' },
      ],
    ],
  )
  assert.equal((await ask('a%2Fb/unsubscribe', { filters: ['x'] })).status, 200)
  assert.deepEqual(served.hub.calls.slice(-2), [
    ['subscribe', 'a/b', ['x', 'refused'], 0],
    ['unsubscribe', 'a/b', ['x']],
  ])
  assert.equal((await ask('d/subscriptions')).status, 200)
})

test('a client without a session is told with 404, a wish that is none with 400', async () => {
  for (const [path, body] of [
    ['nobody/subscriptions'],
    ['nobody/subscribe', { filters: ['a'] }],
    ['nobody/unsubscribe', { filters: ['a'] }],
  ] as const) {
    const { status, json } = await ask(path, body)
    assert.deepEqual([status, json['code']], [404, 'E702'], path)
  }
  for (const body of [{}, { filters: [] }, { filters: ['a'], qos: 3 }, { filters: ['a'], more: 1 }]) {
    assert.equal((await ask('d/subscribe', body)).status, 400)
  }
})
