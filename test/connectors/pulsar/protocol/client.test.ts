import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { afterEach, describe, test } from 'node:test'
import { PulsarClient } from '../../../../connectors/pulsar/protocol/client.ts'
import { PulsarFault } from '../../../../connectors/pulsar/protocol/fault.ts'
import { Producer } from '../../../../connectors/pulsar/protocol/producer/producer.ts'
import { waitFor } from '../../../services/index.ts'
import { FakeBroker } from './fake-broker.ts'

const topic = 'persistent://public/default/t'
const open: { stop(): Promise<void> }[] = []
const clients: PulsarClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const one of open.splice(0)) await one.stop()
})
const brokerThat = async (...given: Parameters<typeof FakeBroker.start>): Promise<FakeBroker> => {
  const broker = await FakeBroker.start(...given)
  open.push(broker)
  return broker
}
const clientOf = async (
  serviceUrls: string[],
  more: Partial<Parameters<typeof PulsarClient.open>[0]> = {},
): Promise<PulsarClient> => {
  const client = await PulsarClient.open({ serviceUrls, connectTimeoutMs: 1000, requestTimeoutMs: 1000, ...more })
  clients.push(client)
  return client
}
const isFault =
  (kind: PulsarFault['kind'], words = /./) =>
  (thrown: unknown): boolean =>
    thrown instanceof PulsarFault && thrown.kind === kind && words.test(thrown.message)

describe('Looking for the broker of a topic', () => {
  test('goes where brokers point, says when the one pointed at is the authority, and connects to the owner', async () => {
    const owner = await brokerThat((command, peer) => {
      if (command.name !== 'lookup') return false
      const { requestId } = command.body
      peer.send('lookupAnswer', { requestId, response: 1, url: owner.url })
      return true
    })
    const first = await brokerThat((command, peer) => {
      if (command.name !== 'lookup') return false
      const { requestId } = command.body
      peer.send('lookupAnswer', { requestId, response: 0, url: owner.url, authoritative: true })
      return true
    })
    const client = await clientOf([first.url])
    assert.equal((await client.connectionFor(topic)).place, owner.place)
    assert.deepEqual(
      [first, owner].map((broker) => broker.heardOf('lookup').map(({ authoritative }) => authoritative)),
      [[false], [true]],
    )
    assert.equal(owner.heardOf('connect').length, 1)
  })

  test('goes through the proxy where it is told to, and names the broker meant', async () => {
    const proxy = await brokerThat((command, peer) => {
      if (command.name !== 'lookup') return false
      const url = 'pulsar://broker-7.internal:6650'
      peer.send('lookupAnswer', { requestId: command.body.requestId, response: 1, url, proxyThroughServiceUrl: true })
      return true
    })
    const client = await clientOf([proxy.url])
    const connection = await client.connectionFor(topic)
    assert.equal(connection.place, `broker-7.internal:6650 behind ${proxy.place}`)
    assert.deepEqual(
      proxy.heardOf('connect').map(({ proxyToBroker }) => proxyToBroker),
      [undefined, 'broker-7.internal:6650'],
    )
    assert.equal(await client.connectionFor(topic), connection)
  })

  test('ends when brokers point at each other in a ring', async () => {
    const ring = await brokerThat((command, peer, self) => {
      if (command.name !== 'lookup') return false
      peer.send('lookupAnswer', { requestId: command.body.requestId, response: 0, url: self.url })
      return true
    })
    const client = await clientOf([ring.url])
    await assert.rejects(client.connectionFor(topic), isFault('protocol', /20 brokers in a row/))
  })

  test('has the words of the broker that cannot say', async () => {
    const broker = await brokerThat((command, peer) => {
      if (command.name !== 'lookup') return false
      peer.send('lookupAnswer', {
        requestId: command.body.requestId,
        response: 2,
        error: 6,
        message: 'bundle is moving',
      })
      return true
    })
    const client = await clientOf([broker.url])
    await assert.rejects(client.connectionFor(topic), isFault('server', /bundle is moving/))
  })

  test('takes the first server that answers; a refusal says more than a silence', async () => {
    const good = await brokerThat()
    const client = await clientOf(['pulsar://127.0.0.1:1', good.url])
    assert.equal((await client.serviceConnection()).place, good.place)
    const refusing = await brokerThat((command, peer) => {
      if (command.name !== 'connect') return false
      peer.send('error', { requestId: -1, error: 3, message: 'who are you' })
      return true
    })
    await assert.rejects(clientOf(['pulsar://127.0.0.1:1', refusing.url]), isFault('server', /who are you/))
  })
})

describe('A connection', () => {
  test('answers challenges with credentials that are valid now', async () => {
    const tokens: string[] = []
    process.env['PULSAR_TEST_TOKEN'] = 'first'
    const broker = await brokerThat((command, peer) => {
      if (command.name === 'connect') tokens.push(Buffer.from(command.body.authData!).toString())
      if (command.name === 'authResponse') tokens.push(Buffer.from(command.body.response!.data!).toString())
      if (command.name !== 'partitions') return false
      process.env['PULSAR_TEST_TOKEN'] = 'second'
      peer.send('authChallenge', { challenge: { method: 'token', data: Buffer.from('PulsarAuthRefresh') } })
      return false
    })
    const auth = { type: 'token-env', variable: 'PULSAR_TEST_TOKEN' } as const
    const client = await clientOf([broker.url], { auth })
    await client.partitionsOf(topic)
    await waitFor('the answer', 5000, () => tokens.length === 2)
    assert.deepEqual(tokens, ['first', 'second'])
    delete process.env['PULSAR_TEST_TOKEN']
  })

  test('gets its tokens from an OAuth 2 issuer, once for as long as they last', async () => {
    const forms: URLSearchParams[] = []
    const issuer = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      if (request.method === 'POST') forms.push(new URLSearchParams(body))
      const base = `http://${request.headers.host}`
      const answer = request.url?.startsWith('/.well-known')
        ? { token_endpoint: `${base}/token` }
        : { access_token: `t${forms.length}`, expires_in: 3600 }
      response.end(JSON.stringify(answer))
    })
    await new Promise<void>((done) => issuer.listen(0, '127.0.0.1', done))
    open.push({ stop: () => new Promise((done) => issuer.close(() => done())) })
    const issuerUrl = `http://127.0.0.1:${(issuer.address() as { port: number }).port}`
    const broker = await brokerThat((command, peer) => {
      if (command.name === 'partitions') peer.send('authChallenge', { challenge: { method: 'token' } })
      return false
    })
    const auth = { type: 'oauth2', issuerUrl, clientId: 'hub', clientSecret: 'hush', audience: 'pulsar' } as const
    const client = await clientOf([broker.url], { auth })
    await client.partitionsOf(topic)
    await waitFor('the answer', 5000, () => broker.heardOf('authResponse').length === 1)
    assert.equal(Buffer.from(broker.heardOf('authResponse')[0]!.response!.data!).toString(), 't1')
    assert.deepEqual(Object.fromEntries(forms[0]!), {
      grant_type: 'client_credentials',
      client_id: 'hub',
      client_secret: 'hush',
      audience: 'pulsar',
    })
    assert.equal(forms.length, 1)
    const nobody = { ...auth, issuerUrl: 'http://127.0.0.1:1' } as const
    await assert.rejects(
      clientOf([broker.url], { auth: nobody }),
      isFault('auth', /no token from http:\/\/127.0.0.1:1/),
    )
  })

  test('asks a silent peer whether it lives, and ends when it does not answer', async () => {
    const broker = await brokerThat((command) => command.name === 'ping')
    const client = await clientOf([broker.url], { keepAliveMs: 100 })
    const connection = await client.serviceConnection()
    const end = await new Promise((done) => connection.onEnd(done))
    assert.ok(isFault('timeout', /silent for 200 ms/)(end))
    assert.ok(broker.heardOf('ping').length >= 1)
    assert.notEqual(await client.serviceConnection(), connection)
  })

  test('fails what waits for an answer when it ends, and says when none comes', async () => {
    const broker = await brokerThat((command, peer) => {
      if (command.name === 'topics') peer.socket.destroy()
      return command.name === 'partitions'
    })
    const client = await clientOf([broker.url], { requestTimeoutMs: 200 })
    await assert.rejects(client.partitionsOf(topic), isFault('timeout', /no answer to partitions within 200 ms/))
    await assert.rejects(client.topicsOf('public/default'), isFault('network', /closed the connection/))
  })

  test('ends when the peer does not speak the protocol', async () => {
    const broker = await brokerThat((_command, peer) => {
      peer.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
      return true
    })
    await assert.rejects(clientOf([broker.url]), isFault('protocol', /binary protocol/))
    await assert.rejects(clientOf(['http://127.0.0.1']), isFault('usage'))
  })
})

describe('A producer', () => {
  const options = {
    topic,
    name: 'p',
    accessMode: 'shared',
    metadata: {},
    openTimeoutMs: 1000,
    sendTimeoutMs: 300,
  } as const
  const entry = (first: number, last = first) => ({
    firstSequenceId: first,
    lastSequenceId: last,
    count: last - first + 1,
    payload: Buffer.from('x'),
    metadata: { publishTimeMs: 1 },
  })

  test('gives each entry its own answer, in whatever order they come', async () => {
    const broker = await brokerThat((command, peer) => {
      if (command.name !== 'send') return false
      const { producerId, sequenceId, highestSequenceId } = command.body
      if (sequenceId === 7) {
        peer.send('sendError', { producerId, sequenceId: highestSequenceId, error: 22, message: 'no' })
        peer.send('sendReceipt', { producerId, sequenceId: 3, highestSequenceId: 6, messageId: idOf(5n) })
      }
      return true
    })
    const client = await clientOf([broker.url])
    const producer = await Producer.open(await client.serviceConnection(), options)
    const first = producer.send(entry(3, 6))
    const second = producer.send(entry(7, 9))
    await assert.rejects(second, isFault('server', /no/))
    assert.equal((await first).entryId, 5n)
  })

  test('fails what it sent when the broker closes it, and the connection goes on', async () => {
    const broker = await brokerThat((command, peer) => {
      if (command.name === 'send') peer.send('closeProducer', { producerId: command.body.producerId, requestId: 1 })
      return command.name === 'send'
    })
    const client = await clientOf([broker.url])
    const connection = await client.serviceConnection()
    const producer = await Producer.open(connection, options)
    await assert.rejects(producer.send(entry(1)), isFault('closed', /closed the producer/))
    assert.ok(connection.isOpen)
    await assert.rejects(producer.send(entry(2)), isFault('closed'))
  })

  test('ends its connection when receipts do not come: what is on its way must not arrive later', async () => {
    const broker = await brokerThat((command) => command.name === 'send')
    const client = await clientOf([broker.url])
    const connection = await client.serviceConnection()
    const producer = await Producer.open(connection, options)
    await assert.rejects(producer.send(entry(1)), isFault('timeout', /no receipt within 300 ms/))
    assert.equal(connection.isOpen, false)
  })
})

const idOf = (entryId: bigint) => ({ ledgerId: 1n, entryId, partition: -1, batchIndex: -1, ackSet: [] })
