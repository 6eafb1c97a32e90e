import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { TrestleError } from 'trestle/contract'
import { kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { createTopics, readTopic } from '../../support/kafka-reader.ts'
import { live, maker, mustHave, mustTake, newFolder } from './kafka-life.ts'

let server: KafkaServer
const make = deliveries()

const makeSink = (given: object): KafkaSink =>
  new KafkaSink(kafkaOptions({ brokers: [server.brokers], ...given }), connectorContext(newFolder()))

async function writes(given: object): Promise<void> {
  const sink = makeSink({ topic: 'logins', ...given })
  await sink.open()
  const [receipt] = await sink.deliver([make()])
  assert.equal(receipt?.outcome, 'delivered', receipt?.error?.message)
  await sink.close()
}

async function refusal(given: object): Promise<TrestleError> {
  const sink = makeSink(given)
  const error = await sink.open().then(
    () => assert.fail('it opened'),
    (thrown: unknown) => thrown,
  )
  await sink.close()
  assert.ok(error instanceof TrestleError)
  return error
}

/** A token that nobody has sealed, as Kafka's login module for tests takes it. */
function unsecuredToken(subject: string, lifeS = 300): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const nowS = Math.floor(Date.now() / 1000)
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: nowS, exp: nowS + lifeS })}.`
}

/** A token endpoint of OAuth 2.0 that knows one client. */
async function tokenEndpoint(): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = []
  const endpoint = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      asked.push(body)
      const isKnown = request.headers.authorization === `Basic ${Buffer.from('hub:s%2F3cret').toString('base64')}`
      response.statusCode = isKnown ? 200 : 401
      const refused = { error: 'invalid_client', error_description: 'client is not known here' }
      response.end(JSON.stringify(isKnown ? { access_token: unsecuredToken('hub'), expires_in: 300 } : refused))
    })
  })
  await new Promise<void>((done) => endpoint.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`, asked, server: endpoint }
}

describe('the Kafka connector logs in', { skip: await need('kafka') }, () => {
  before(async () => {
    server = await startKafka({
      tls: true,
      clientCertificate: true,
      users: { alice: 'secret', limited: 'secret' },
      oauth: true,
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:alice;User:hub;User:CN=localhost',
      },
    })
    await createTopics(server.brokers, { logins: 1 })
  })
  after(() => server.stop())

  test('by a certificate of its own', async () => {
    const { cert, key, certFile } = server.certificate!
    await writes({ brokers: [server.tls], tls: { ca: certFile, cert, key } })
    await writes({ brokers: [server.tls], tls: { ca: cert, cert, key, server_name: 'localhost' } })
    await writes({ brokers: [server.tls], tls: { cert, key, reject_unauthorized: false } })
    const nameless = await refusal({
      brokers: [server.tls],
      tls: { ca: cert, cert, key, server_name: 'other.example' },
    })
    assert.equal(nameless.code, 'E601')
    assert.match(nameless.message, /other\.example/)
    assert.equal((await refusal({ brokers: [server.tls], tls: { ca: cert } })).code, 'E601')
  })

  test('by a token that is given or in a file', async () => {
    const token = unsecuredToken('hub')
    const file = join(newFolder(), 'token')
    writeFileSync(file, `${token}\n`)
    await writes({ brokers: [server.sasl], sasl: { mechanism: 'oauthbearer', token } })
    await writes({ brokers: [server.sasl], sasl: { mechanism: 'oauthbearer', token_file: file } })
    const old = await refusal({
      brokers: [server.sasl],
      sasl: { mechanism: 'oauthbearer', token: unsecuredToken('hub', -300) },
    })
    assert.equal(old.code, 'E602')
    assert.doesNotMatch(`${old.message} ${JSON.stringify(old.detail)}`, new RegExp(token.slice(0, 20)))
  })

  test('by a token that it gets from a token endpoint, asked once while it holds', async () => {
    const { url, asked, server: endpoint } = await tokenEndpoint()
    try {
      const sasl = {
        mechanism: 'oauthbearer',
        token_endpoint: url,
        client_id: 'hub',
        client_secret: 's/3cret',
        scope: 'kafka',
      }
      await writes({ brokers: [server.sasl], sasl })
      assert.deepEqual(asked, ['grant_type=client_credentials&scope=kafka'])
      const wrong = await refusal({ brokers: [server.sasl], sasl: { ...sasl, client_secret: 'wrong' } })
      assert.equal(wrong.code, 'E602')
      assert.match(wrong.message, /client is not known here/)
      assert.doesNotMatch(wrong.message, /s\/3cret|wrong/)
    } finally {
      endpoint.close()
    }
    const away = {
      mechanism: 'oauthbearer',
      token_endpoint: 'http://127.0.0.1:1/token',
      client_id: 'a',
      client_secret: 'b',
    }
    const silent = await refusal({ brokers: [server.sasl], sasl: away })
    assert.match(`${silent.code} ${silent.message}`, /E602 .*does not answer/)
  })

  test('and says which option is missing', async () => {
    for (const mechanism of ['plain', 'oauthbearer']) {
      const error = await refusal({ brokers: [server.sasl], sasl: { mechanism } })
      assert.equal(error.code, 'E104')
    }
  })

  test('and says in the server’s words what the user may not: write, be idempotent, use transactions', async () => {
    const sasl = { mechanism: 'plain', username: 'limited', password: 'secret' }
    const numbered = await refusal({ brokers: [server.sasl], sasl })
    assert.match(`${numbered.code} ${numbered.detail.advice}`, /E603 .*IDEMPOTENT_WRITE/)
    const sink = makeSink({ brokers: [server.sasl], sasl, mode: 'at-least-once' })
    await sink.open()
    const [receipt] = await sink.deliver([make({ target: 'logins' })])
    assert.equal(receipt?.error?.code, 'E603')
    assert.match(receipt?.error?.message ?? '', /TOPIC_AUTHORIZATION_FAILED/)
    assert.match(receipt?.error?.detail.advice ?? '', /WRITE/)
    await sink.close()
    const transactional = await refusal({ brokers: [server.sasl], sasl, mode: 'exactly-once' })
    assert.equal(transactional.code, 'E603')
    assert.match(
      `${transactional.message} ${transactional.detail.advice}`,
      /TRANSACTIONAL_ID_AUTHORIZATION_FAILED.*WRITE/,
    )
  })

  test('and says how many records may be there twice where it may not read a topic back', async () => {
    await createTopics(server.brokers, { blind: 1 })
    const admin = new kafkajs.Kafka({ brokers: [server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createAcls({
      acl: [
        {
          resourceType: kafkajs.AclResourceTypes.TOPIC,
          resourceName: 'blind',
          resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
          principal: 'User:limited',
          host: '*',
          operation: kafkajs.AclOperationTypes.WRITE,
          permissionType: kafkajs.AclPermissionTypes.ALLOW,
        },
      ],
    })
    await admin.disconnect()
    const sasl = { mechanism: 'plain', username: 'limited', password: 'secret' }
    const life = await live(server.sasl, 'blind', newFolder(), { sasl })
    // So old that the brokers may have forgotten the numbers: it has to look, and may not.
    const all = maker(Date.now() - 30 * 3_600_000)(20)
    life.client.fate = 'deaf'
    await life.sink.deliver(all)
    life.client.fate = 'answered'
    await mustTake(life, all)
    await life.sink.close()
    assert.equal(life.sink.maybeTwice, 20)
    const said = life.context.lines.find(({ event }) => event === 'kafka.maybe-twice')
    assert.match(JSON.stringify(said?.facts), /"records":20.*TOPIC_AUTHORIZATION_FAILED/)
    // This broker has not forgotten: the numbers were the same.
    await mustHave(server.brokers, 'blind', all)
  })

  test('creates topics with partitions, copies and settings', async () => {
    const create_topics = {
      partitions: 5,
      replication_factor: 1,
      config: { 'retention.ms': 3_600_000, 'cleanup.policy': 'delete' },
    }
    const sink = makeSink({ create_topics })
    await sink.open()
    for (let outcome = ''; outcome !== 'delivered'; ) {
      const [receipt] = await sink.deliver([make({ target: 'made-so' })])
      outcome = receipt!.outcome
      if (outcome !== 'delivered') assert.equal(receipt?.error?.code, 'E607')
    }
    await sink.close()
    assert.equal((await readTopic(server.brokers, 'made-so')).length, 1)
    const admin = new kafkajs.Kafka({ brokers: [server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['made-so'] })
    assert.equal(topics[0]?.partitions.length, 5)
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: 'made-so', configNames: ['retention.ms'] }
    const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false })
    assert.equal(resources[0]?.configEntries[0]?.configValue, '3600000')
    await admin.disconnect()
  })

  test('refuses to create what the cluster cannot have, with its words', async () => {
    const sink = makeSink({ create_topics: { replication_factor: 9 } })
    await sink.open()
    const [receipt] = await sink.deliver([make({ target: 'too-many' })])
    assert.equal(receipt?.error?.code, 'E604')
    assert.match(receipt?.error?.message ?? '', /replication/i)
    await sink.close()
  })
})
