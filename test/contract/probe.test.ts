import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import {
  type Delivery,
  deliverAlone,
  delivered,
  hostAndPort,
  notDelivered,
  probeDelivery,
  type Receipt,
  reachPort,
  resolveName,
  type Sink,
  TrestleError,
  walkProbe,
} from 'trestle/contract'

const context = { hub: 'oslo', name: 'far', now: () => 1000 }

test('steps are tried in their order, each is timed, and their words are told', async () => {
  let nowMs = 0
  const after = (ms: number, words: string) => async () => {
    nowMs += ms
    return words
  }
  const steps = await walkProbe(
    [
      ['name', after(2, 'found')],
      ['port', after(5, 'open')],
    ],
    () => nowMs,
    TrestleError.from,
  )
  assert.deepEqual(steps, [
    { step: 'name', ok: true, detail: 'found', tookMs: 2 },
    { step: 'port', ok: true, detail: 'open', tookMs: 5 },
  ])
})

test('the first step that fails is the last, told in the words of the translator with what can be done', async () => {
  const refused = async (): Promise<string> => {
    throw new Error('refused')
  }
  const tried: string[] = []
  const steps = await walkProbe(
    [
      ['login', refused],
      ['write', async () => String(tried.push('write'))],
    ],
    () => 7,
    (thrown) => new TrestleError('E602', (thrown as Error).message, { detail: { advice: 'check the password' } }),
  )
  assert.deepEqual(steps, [{ step: 'login', ok: false, detail: 'E602 refused (check the password)', tookMs: 0 }])
  assert.deepEqual(tried, [])
})

test('a name is resolved, and one that is not there is an error of Node', async () => {
  assert.equal(await resolveName('127.0.0.1'), '127.0.0.1 is 127.0.0.1')
  await assert.rejects(resolveName('no-such-host.invalid'), { syscall: 'getaddrinfo' })
})

test('a port that listens can be reached, a closed one is an error of Node', async () => {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle))
  const { port } = server.address() as AddressInfo
  assert.equal(await reachPort('127.0.0.1', port, 5000), `127.0.0.1:${port} accepts connections`)
  await new Promise((settle) => server.close(settle))
  await assert.rejects(reachPort('127.0.0.1', port, 5000), { code: 'ECONNREFUSED' })
})

test('host and port of a URL: the usual port where it names none, an IPv6 address without brackets', () => {
  assert.deepEqual(hostAndPort(new URL('https://far.example/in')), { host: 'far.example', port: 443 })
  assert.deepEqual(hostAndPort(new URL('http://far.example')), { host: 'far.example', port: 80 })
  assert.deepEqual(hostAndPort(new URL('http://[::1]:8383/')), { host: '::1', port: 8383 })
})

class OneAnswer implements Sink {
  readonly ordering = 'total'
  readonly limits = { count: 1, bytes: 1, lingerMs: 0 }
  readonly calls: string[] = []
  readonly #receipt: Receipt

  constructor(receipt: Receipt) {
    this.#receipt = receipt
  }

  async open(): Promise<void> {
    this.calls.push('open')
  }

  async deliver([{ id }]: readonly [Delivery]): Promise<readonly Receipt[]> {
    this.calls.push(`deliver ${id}`)
    return [this.#receipt]
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }
}

test('one delivery goes through a sink that is closed after it, delivered or not', async () => {
  const good = new OneAnswer({ ...delivered, place: 'far@1' })
  assert.equal((await deliverAlone(good, probeDelivery(context))).place, 'far@1')
  assert.deepEqual(good.calls, ['open', 'deliver probe', 'close'])

  const bad = new OneAnswer(notDelivered(new TrestleError('E604', 'no such topic')))
  await assert.rejects(deliverAlone(bad, probeDelivery(context)), { code: 'E604' })
  assert.equal(bad.calls.at(-1), 'close')
})
