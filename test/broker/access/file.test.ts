import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { AccessRule } from '../../../src/broker/access/access-rule.ts'
import { covers, overlaps } from '../../../src/broker/access/filter-relation.ts'
import { hashPassword } from '../../../src/broker/access/password.ts'
import { FileAccess, type FileAccessOptions } from '../../../src/broker/access/providers/file.ts'
import { readUsers } from '../../../src/broker/access/users.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { Reason } from '../../../src/broker/codec/reason.ts'
import { connectPacket, RawClient } from '../raw-client.ts'

const rule = (
  allows: boolean,
  action: AccessRule['action'],
  topics: string[],
  more: Partial<AccessRule> = {},
): AccessRule => ({
  allows,
  action,
  topics,
  exactly: false,
  username: null,
  clientId: null,
  address: null,
  listener: null,
  ...more,
})
const { users } = readUsers(`# users\npress-1:${await hashPassword('s3cret')}\ndesk:${await hashPassword('other')}\n`)
const brokers: Broker[] = []
after(() => Promise.all(brokers.map((broker) => broker.stop())))

async function open(options: Partial<FileAccessOptions>) {
  const access = new FileAccess({ anonymous: false, users: null, rules: null, ...options })
  const broker = new Broker({ access })
  brokers.push(broker)
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const login = async (username: string | null, password: string | null, version: 3 | 4 | 5 = 5) => {
    const client = await RawClient.open(port, version)
    client.send(connectPacket(version, { username, password: password === null ? null : Buffer.from(password) }))
    return { client, reason: (await client.next('connack')).reason }
  }
  return { access, broker, login }
}

describe('users of a file', () => {
  test('C3: come in with their password only; nobody else does', async () => {
    const { login, broker } = await open({ users })
    for (let again = 0; again < 2; again++) {
      assert.equal((await login('press-1', 's3cret')).reason, 0)
      assert.equal((await login('press-1', 's3cret', 4)).reason, 0)
      for (const [name, password] of [
        ['press-1', 'wrong'],
        ['press-1', ''],
        ['press-1', null],
        ['nobody', 's3cret'],
        ['', ''],
        ['__proto__', 'x'],
      ] as const) {
        assert.equal((await login(name, password)).reason, Reason.BadUsernameOrPassword, `${name} ${password}`)
      }
      assert.equal((await login(null, null)).reason, Reason.NotAuthorized)
    }
    assert.equal(broker.report().connections, 4)
  })

  test('are checked beside anonymous clients: who says a name must prove it', async () => {
    const { login } = await open({ users, anonymous: true })
    assert.equal((await login(null, null)).reason, 0)
    assert.equal((await login('press-1', 'wrong')).reason, Reason.BadUsernameOrPassword)
  })

  test('are exchanged while clients are there', async () => {
    const { access, login } = await open({ users })
    await login('press-1', 's3cret')
    const next = readUsers(`press-1:${await hashPassword('new')}\n`).users
    access.replace({ anonymous: false, users: next, rules: null })
    assert.equal((await login('press-1', 's3cret')).reason, Reason.BadUsernameOrPassword)
    assert.equal((await login('press-1', 'new')).reason, 0)
  })

  test('are read with every fault at its line, in the forms of mosquitto_passwd too', async () => {
    const salt = Buffer.alloc(12, 1).toString('base64')
    const hash = Buffer.alloc(64, 2).toString('base64')
    const good = `a:$6$${salt}$${hash}\nb:$7$101$${salt}$${hash}\r\n\n# c:x\n`
    assert.deepEqual([[...readUsers(good).users.keys()], readUsers(good).faults], [['a', 'b'], []])
    const { faults } = readUsers('plain:secret\n:x\nno colon\na:$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAA$AAAAAAAAAAAA\n')
    assert.deepEqual(
      faults.map(({ line }) => line),
      [1, 2, 3, 4],
    )
    assert.ok(faults.every(({ message }) => !message.includes('secret')))
  })
})

describe('access rules', () => {
  const rules = [
    rule(false, 'all', ['plants/%u/secret/#']),
    rule(true, 'all', ['plants/%u/#']),
    rule(true, 'subscribe', ['news/+']),
    rule(false, 'subscribe', ['#'], { exactly: true }),
    rule(true, 'all', ['#'], { username: 'desk', address: '127.0.0.0/8' }),
  ]

  test('C3: let each do what the first that fits allows, and nothing that none allows', async () => {
    const { login } = await open({ users, rules, anonymous: true })
    const { client } = await login('press-1', 's3cret')
    const publish = async (topic: string) => {
      client.publish({ topic, qos: 1, packetId: 7 })
      return (await client.next('puback')).reason
    }
    assert.equal((await publish('plants/press-1/x')) & 0x80, 0)
    for (const topic of ['plants/press-1/secret/x', 'plants/press-2/x', 'news/a', '$SYS/x']) {
      assert.equal(await publish(topic), Reason.NotAuthorized, topic)
    }
    assert.equal(await client.subscribe('news/+'), 0)
    assert.equal(await client.subscribe('plants/press-1/state'), 0)
    // A subscription may not reach round a denial or beyond an allowance.
    for (const filter of ['plants/press-1/#', 'news/#', '#', 'plants/+/x']) {
      assert.equal(await client.subscribe(filter), Reason.NotAuthorized, filter)
    }
    const { client: desk } = await login('desk', 'other')
    assert.equal(await desk.subscribe('a/#'), 0)
    assert.equal(await desk.subscribe('#'), Reason.NotAuthorized)
  })

  test('count only names that were proven: one that is merely said is none', async () => {
    const { login } = await open({ rules, anonymous: true })
    const { client } = await login('desk', 'whatever')
    assert.equal(await client.subscribe('a/#'), Reason.NotAuthorized)
    assert.equal(await client.subscribe('plants/desk/x'), Reason.NotAuthorized)
  })

  test('hold for those who are in when they are exchanged', async () => {
    const { access, login } = await open({ users, rules })
    const { client } = await login('desk', 'other')
    client.publish({ topic: 'a', qos: 1, packetId: 1 })
    assert.equal((await client.next('puback')).reason & 0x80, 0)
    access.replace({ anonymous: false, users, rules: [] })
    client.publish({ topic: 'a', qos: 1, packetId: 2 })
    assert.equal((await client.next('puback')).reason, Reason.NotAuthorized)
  })
})

test('filters cover and overlap as topics would tell', () => {
  const cases: [string, string, boolean, boolean][] = [
    ['#', 'a/b', true, true],
    ['#', '$SYS/a', false, false],
    ['a/#', 'a', true, true],
    ['a/+', 'a/#', false, true],
    ['a/#', 'a/+', true, true],
    ['a/b', 'a/+', false, true],
    ['+/b', 'a/#', false, true],
    ['a/b', 'a/c', false, false],
    ['a', 'a/b', false, false],
    ['a/b/#', 'a/b', true, true],
  ]
  for (const [given, asked, whole, part] of cases) {
    assert.deepEqual([covers(given, asked), overlaps(given, asked)], [whole, part], `${given} ${asked}`)
  }
})
