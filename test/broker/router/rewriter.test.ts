import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Access } from '../../../src/broker/access/access.ts'
import { anonymous } from '../../../src/broker/access/anonymous.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { type RewriteRule, Rewriter } from '../../../src/broker/router/rewriter.ts'
import { RawClient } from '../raw-client.ts'

const rule = (from: string, to: string, action: RewriteRule['action'] = 'all', regex?: RegExp): RewriteRule => ({
  action,
  from,
  to,
  find:
    regex === undefined
      ? null
      : (topic) =>
          regex
            .exec(topic)
            ?.slice(1)
            .map((text) => text ?? null) ?? null,
})

const who = { clientId: 'c1', username: 'u1' }
const rewrite = (rules: RewriteRule[], topic: string, person: { clientId: string; username: string | null } = who) =>
  new Rewriter(rules).topic(topic, person)

describe('a topic is rewritten', () => {
  test('with what the wildcards of `from` match, or the groups of `regex`', () => {
    assert.equal(rewrite([rule('x/+/y/#', 'z/$2/$1')], 'x/a/y/b/c'), 'z/b/c/a')
    assert.equal(rewrite([rule('x/#', 'z/$2/$1', 'all', /^x\/(\w+)-(\d+)$/)], 'x/press-7'), 'z/7/press')
    assert.equal(rewrite([rule('x/#', 'z/%c/%u/100%%/$0')], 'x/a'), 'z/c1/u1/100%/$0')
  })

  test('by the most specific rule, of several alike by the last that holds, and once', () => {
    const rules = [
      rule('a/b/#', 'specific'),
      rule('a/#', 'general/$1'),
      rule('a/+/+', 'plus'),
      rule('general/#', 'again'),
    ]
    assert.equal(rewrite(rules, 'a/b/c'), 'specific')
    assert.equal(rewrite(rules, 'a/x/c'), 'plus')
    assert.equal(rewrite(rules, 'a/x'), 'general/x')
    const alike = [rule('a/#', 'first'), rule('a/#', 'second', 'all', /b/), rule('a/#', 'third', 'all', /c/)]
    assert.equal(rewrite(alike, 'a/bc'), 'third')
    assert.equal(rewrite(alike, 'a/b'), 'second')
    assert.equal(rewrite(alike, 'a/x'), 'first')
  })

  test('not where the regex does not match, a capture or a name is missing, or no topic would come out', () => {
    assert.equal(rewrite([rule('a/#', 'plain', 'all', /nowhere/)], 'a/b'), 'a/b')
    assert.equal(rewrite([rule('a/#', 'z/$1', 'all', /a(x)?/)], 'a/b'), 'a/b')
    assert.equal(rewrite([rule('a/+', 'z/$2')], 'a/b'), 'a/b')
    assert.equal(rewrite([rule('a/+', 'z/%u')], 'a/b', { clientId: 'c', username: null }), 'a/b')
    assert.equal(rewrite([rule('a/+', 'z/%c')], 'a/b', { clientId: '#', username: null }), 'a/b')
    assert.equal(rewrite([rule('a/+', 'z/%c')], 'a/b', { clientId: 'x/y', username: null }), 'a/b')
    assert.equal(rewrite([rule('a/#', '$1')], 'a'), 'a')
    assert.equal(rewrite([rule('a/#', 'z')], '$SYS/a'), '$SYS/a')
  })
})

describe('clients whose topics are rewritten', () => {
  const asked: string[] = []
  const access: Access = {
    ...anonymous,
    mayPublish: (_, topic) => {
      asked.push(`publish ${topic}`)
      return topic !== 'new/forbidden'
    },
    maySubscribe: (_, filter) => {
      asked.push(`subscribe ${filter}`)
      return true
    },
  }
  const broker = new Broker({
    access,
    rewrite: [
      rule('old/#', 'new/$1'),
      rule('mine/+', 'of/%c/$1'),
      rule('said/+', 'heard/$1', 'publish'),
      rule('asked/+', 'heard/$1', 'subscribe'),
    ],
  })
  after(() => broker.stop())

  test('C2 C3: publish, subscribe and unsubscribe by the old name, and access is asked about the new one', async () => {
    const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
    const device = await RawClient.connect(port, 5, { clientId: 'd1' })
    const reader = await RawClient.connect(port, 4)
    await reader.subscribe('#', 1)
    for (const qos of [0, 1, 2] as const) {
      device.publish({ topic: 'old/a', qos, packetId: qos, properties: { contentType: 'x/y' } })
      const { topic, payload } = await reader.next('publish')
      assert.deepEqual([topic, payload.toString()], ['new/a', 'x'])
    }
    await device.settle()
    device.publish({ topic: 'old/forbidden', qos: 1, packetId: 7 })
    assert.equal((await device.next('puback')).reason, 0x87)
    device.publish({ topic: 'mine/x' })
    device.publish({ topic: 'mine/x' })
    assert.equal((await reader.next('publish')).topic, 'of/d1/x')
    assert.equal((await reader.next('publish')).topic, 'of/d1/x')
    const other = await RawClient.connect(port, 5, { clientId: 'd2' })
    other.publish({ topic: 'mine/x', properties: { topicAlias: 1 } })
    other.publish({ topic: '', properties: { topicAlias: 1 } })
    assert.equal((await reader.next('publish')).topic, 'of/d2/x')
    assert.equal((await reader.next('publish')).topic, 'of/d2/x')

    assert.equal(await other.subscribe('$share/g/old/#', 1), 1)
    assert.equal(await other.subscribe('asked/+', 0), 0)
    device.publish({ topic: 'said/1' })
    assert.equal((await other.next('publish')).topic, 'heard/1')
    device.publish({ topic: 'asked/1' })
    device.publish({ topic: 'new/1' })
    assert.equal((await other.next('publish')).topic, 'new/1')
    other.send({
      type: 'unsubscribe',
      packetId: 1,
      filters: ['$share/g/old/#', 'asked/+', 'heard/+'],
      properties: null,
    })
    assert.deepEqual((await other.next('unsuback')).reasons, [0, 0, 0x11])
    assert.ok(!asked.some((one) => one.includes('old/') || one.includes('mine/')), asked.join())
    for (const client of [device, reader, other]) client.kill()
  })

  test('leave wills and retained messages under the new name', async () => {
    const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
    const reader = await RawClient.connect(port, 4)
    await reader.subscribe('new/#')
    const will = { topic: 'old/will', payload: Buffer.from('w'), qos: 1 as const, retain: true, properties: null }
    const device = await RawClient.connect(port, 5, { will })
    device.publish({ topic: 'old/kept', retain: true })
    assert.equal((await reader.next('publish')).topic, 'new/kept')
    device.kill()
    assert.equal((await reader.next('publish')).topic, 'new/will')
    const late = await RawClient.connect(port, 5)
    await late.subscribe('old/#')
    const topics = [(await late.next('publish')).topic, (await late.next('publish')).topic]
    assert.deepEqual(topics.toSorted(), ['new/kept', 'new/will'])
    for (const client of [reader, late]) client.kill()
  })
})
