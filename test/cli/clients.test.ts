import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Served, serve } from '../api/fake-hub.ts'
import { FakeTerminal, runCli } from './fake-terminal.ts'

let served: Served
before(async () => {
  served = await serve()
})
after(() => served.api.stop())

async function cli(...args: string[]) {
  const terminal = new FakeTerminal()
  terminal.env = { ...terminal.env, TRESTLE_URL: served.api.url }
  return runCli(['clients', ...args], terminal)
}

test('clients shows subscriptions, adds and ends them, and exits 1 when one filter is refused', async () => {
  const shown = await cli('subscriptions', 'd1')
  assert.equal(shown.exit, 0)
  assert.match(shown.out, /FILTER +QOS +OPTIONS\na\/# +1 +no local/)
  const added = await cli('subscribe', 'd1', 'a/#', '$share/g/b', '--qos', '2')
  assert.deepEqual([added.exit, added.out], [0, 'a/#  success\n$share/g/b  success\n'])
  assert.deepEqual(served.hub.calls.at(-1), ['subscribe', 'd1', ['a/#', '$share/g/b'], 2])
  const refused = await cli('unsubscribe', 'd1', 'refused', '--json')
  assert.equal(refused.exit, 1)
  assert.equal(JSON.parse(refused.out).items[0].reason, 'not authorised')
  const nobody = await cli('subscriptions', 'nobody')
  assert.equal(nobody.exit, 1)
  assert.match(nobody.err, /E702/)
})
