import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { SchemaPort } from '../../src/api/port.ts'
import { TrestleError } from '../../src/contract/error.ts'
import { RuleSet, type RuleText } from '../../src/engine/rule-set.ts'
import { CopiedSchemas } from '../../src/hub/copied-schemas.ts'
import { RuleBook } from '../../src/hub/rule-book.ts'
import { compileWithOther, type SchemaSource } from '../../src/hub/schema-source.ts'
import { OtherRegistry } from '../../src/registry/other-registry.ts'
import type { Registry } from '../../src/registry/registry.ts'
import { RegistryStore } from '../../src/registry/store.ts'
import { frameOf } from '../../src/registry/wire-format.ts'
import { type Served, serve, until } from '../api/fake-hub.ts'

const environment = () => ({
  sinks: new Map([['lake', { type: 'file', targetField: null, targetOptions: null }]]),
})

const rule = (schema: string): RuleText => ({
  file: 'rules/a.yaml',
  text: `from: a/#\nschema: ${schema}\nwhere: payload.n > 1\nto: [{ sink: lake }]\n`,
})

const fields = (...names: string[]) =>
  JSON.stringify({ type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'number' }])) })

let far: Served
let data: string
const opened: CopiedSchemas[] = []

beforeEach(async () => {
  far = await serve()
  data = mkdtempSync(join(tmpdir(), 'trestle-other-'))
  await ask('PUT', '/config', { compatibility: 'NONE' })
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop()))
  await far.api.stop()
  rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
})

async function ask(method: string, path: string, body?: object, base = far.api.url) {
  const response = await fetch(base + path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify(body) }),
  })
  return {
    status: response.status,
    body: (await response.json()) as { id: number; error_code: number; message: string },
  }
}

const register = async (subject: string, schema: string, more: object = {}): Promise<number> => {
  const { body } = await ask('POST', `/subjects/${subject}/versions`, { schemaType: 'JSON', schema, ...more })
  return body.id
}

/** A hub in front of the far registry, with these rules; `copy` is the folder of its copy. */
async function open(texts: RuleText[], copy = 'copy') {
  const store = new RegistryStore(join(data, copy))
  const other = new OtherRegistry({ url: far.api.url, timeoutMs: 2000 })
  const source: SchemaSource = { registry: store.load().registry, faults: [], store, other, isNew: false }
  const compile = (registry: Registry) => RuleSet.load(texts, { ...environment(), registry })
  const { registry, rules, faults } = await compileWithOther(source, 'trestle.yaml', compile)
  if (rules === null) return { faults, book: null, schemas: null, events: [], other, registry }
  const events: string[] = []
  const book: RuleBook = new RuleBook({
    rules,
    texts,
    registry,
    read: async () => ({ texts, registry: null, faults: [] }),
    environment,
    put: () => undefined,
  })
  let nowMs = 0
  const schemas = new CopiedSchemas({
    other,
    store,
    book: () => book,
    events: {
      emit: (event, facts) => void events.push(`${event} ${facts?.['subject'] ?? facts?.['id'] ?? ''}`.trim()),
    },
    refreshMs: 3_600_000,
    tryOut: async ({ text }) => {
      if (text.includes('heavy')) throw new TrestleError('E302', 'it takes too long to compile')
    },
    now: () => nowMs,
  })
  opened.push(schemas)
  schemas.start(registry)
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { faults, book, schemas, events, other, registry, pass }
}

/** As no client would ask that tidies its addresses. */
const rawGet = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`),
    )
    let text = ''
    socket.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    socket.on('end', () => resolve(text)).on('error', reject)
  })

const framed = (id: number) => Buffer.concat([frameOf(id), Buffer.from('{"n": 2}')])

describe('B5: in front of another registry', () => {
  test('rules name its subjects, and start from the copy when it is away', async () => {
    const id = await register('reading', fields('n'))
    const first = await open([rule('reading')])
    assert.equal(first.book?.registry.resolve('reading')?.id, id)
    await until(() => new RegistryStore(join(data, 'copy')).load().registry.resolve('reading') !== null, 'the copy')
    await far.api.stop()
    const again = await open([rule('reading')])
    assert.equal(again.book?.registry.resolve('reading')?.id, id)
    const bare = await open([rule('reading')], 'none')
    assert.deepEqual(
      bare.faults.map(({ file, code }) => `${file} ${code}`),
      ['rules/a.yaml E208', 'trestle.yaml E308'],
    )
    far = await serve()
  })

  test('a new version there is used here at the next look, unless it would break a rule: then its id alone leads to it', async () => {
    await register('reading', fields('n'))
    const { book, schemas, events } = await open([rule('reading')])
    await register('reading', fields('n', 'm'))
    await schemas?.refresh()
    assert.equal(book?.registry.resolve('reading')?.version, 2)
    const breaking = await register('reading', fields('m'))
    await schemas?.refresh()
    await schemas?.refresh()
    assert.equal(book?.registry.resolve('reading')?.version, 2)
    assert.equal(book?.registry.unframe(framed(breaking))?.schema.version, 3)
    assert.deepEqual(events, ['schema.refused reading'])
    await schemas?.settled()
    const started = await open([rule('reading')])
    assert.equal(started.book?.registry.resolve('reading')?.version, 2, 'a restart falls back on the copy')
  })

  test('an id is asked for once, however many messages name it, and then known for ever', async () => {
    await register('reading', fields('n'))
    const { book, schemas, other } = await open([rule('reading')])
    const id = await register('elsewhere', fields('x'))
    const asked: string[] = []
    const really = other.ask.bind(other)
    other.ask = (method, path, body) => {
      asked.push(path)
      return really(method, path, body)
    }
    const registry = book!.registry
    for (let at = 0; at < 1000; at++) {
      assert.equal(registry.unframe(framed(id)), null)
      assert.equal(registry.awaits(framed(id)), true)
    }
    await schemas?.settled()
    assert.equal(registry.unframe(framed(id))?.schema.subject, 'elsewhere')
    assert.equal(asked.filter((path) => path === `/schemas/ids/${id}`).length, 1)
    await far.api.stop()
    assert.equal(registry.unframe(framed(id))?.schema.subject, 'elsewhere')
    far = await serve()
  })

  test('an id that nobody has is not awaited, and is asked for again only later', async () => {
    await register('reading', fields('n'))
    const { book, schemas, events, pass } = await open([rule('reading')])
    const registry = book!.registry
    assert.equal(registry.awaits(framed(77)), true)
    await schemas?.settled()
    assert.equal(registry.awaits(framed(77)), false)
    pass?.(31_000)
    assert.equal(registry.awaits(framed(77)), true)
    await schemas?.settled()
    assert.deepEqual(events, ['schema.unknown-id 77', 'schema.unknown-id 77'])
  })

  test('a schema that takes too long to compile is not used, and its id is not awaited', async () => {
    await register('reading', fields('n'))
    const { book, schemas, events } = await open([rule('reading')])
    const id = await register('elsewhere', fields('heavy'))
    assert.equal(book!.registry.awaits(framed(id)), true)
    await schemas?.settled()
    assert.equal(book!.registry.unframe(framed(id)), null)
    assert.equal(book!.registry.awaits(framed(id)), false)
    assert.deepEqual(events, ['schema.refused elsewhere'])
  })

  test('an id is awaited as long as the other registry is away', async () => {
    await register('reading', fields('n'))
    const { book, schemas, events } = await open([rule('reading')])
    await far.api.stop()
    for (let at = 0; at < 3; at++) {
      assert.equal(book!.registry.awaits(framed(9)), true)
      await schemas?.settled()
    }
    assert.deepEqual(events, ['registry.away'])
    far = await serve()
  })

  test('what a schema refers to comes with it', async () => {
    await register('number', '{"type":"number"}')
    const references = [{ name: 'number.json', subject: 'number', version: 1 }]
    await register('reading', '{"type":"object","properties":{"n":{"$ref":"number.json"}}}', { references })
    const { book, faults } = await open([rule('reading')])
    assert.deepEqual(faults, [])
    assert.equal(book?.registry.resolve('reading')?.check({ n: 'x' })?.path, '/n')
  })

  test('its API passes questions and registrations on, but for those that would break a rule', async () => {
    await register('reading', fields('n'))
    const { book, schemas } = await open([rule('reading')])
    const near = await serve()
    try {
      const port: SchemaPort = near.hub.schemas
      Object.assign(port, { forward: schemas!.forward.bind(schemas) })
      Object.defineProperty(port, 'registry', { get: () => book!.registry })
      Object.assign(port, {
        trial: (step: Parameters<SchemaPort['trial']>[0]) => book!.trySchemas(step(book!.registry)),
      })
      const { url } = near.api
      const post = (schema: string) => ask('POST', '/subjects/reading/versions', { schemaType: 'JSON', schema }, url)
      const refused = await post(fields('m'))
      assert.deepEqual([refused.status, refused.body.error_code], [409, 409])
      assert.match(refused.body.message, /rules\/a\.yaml:3:\d+ {2}E217/)
      const taken = await post(fields('n', 'm'))
      assert.equal(taken.status, 200)
      assert.deepEqual((await ask('GET', '/subjects/reading/versions')).body, [1, 2])
      await until(() => book!.registry.resolve('reading')?.version === 2, 'the new version')
      assert.equal((await ask('GET', '/subjects/nothing/versions', undefined, url)).body.error_code, 40401)
      const { port: portNumber } = new URL(url)
      for (const path of ['/subjects/../versions', '/subjects/%2e%2E/versions', '/config/..?x', '/config/.'])
        assert.match(await rawGet(Number(portNumber), path), /^HTTP\/1\.1 422 .*42208/s, path)
      await far.api.stop()
      assert.equal((await ask('GET', `/schemas/ids/${taken.body.id}`, undefined, url)).status, 200)
      assert.deepEqual((await ask('GET', '/subjects', undefined, url)).body, ['reading'])
      assert.equal((await post(fields('n', 'q'))).body.error_code, 50003)
      far = await serve()
    } finally {
      await near.api.stop()
    }
  })
})

describe('another registry that is not what it should be', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.closeAllConnections()
  })

  const answering = (answer: (path: string) => [status: number, text: string] | null) =>
    new Promise<string>((resolve) => {
      const server = createServer((request, response) => {
        const said = answer(request.url ?? '')
        if (said === null) return
        response.writeHead(said[0], { location: 'http://127.0.0.1:1/' }).end(said[1])
      })
      servers.push(server)
      server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
      server.unref()
    })

  const askedOf = async (answer: Parameters<typeof answering>[0]) =>
    new OtherRegistry({ url: await answering(answer), timeoutMs: 300 }).version('t', 'latest')

  test('is told with E308 when it answers with nonsense, errors, redirects, too much or not at all', async () => {
    const cases: [string, Parameters<typeof answering>[0], RegExp][] = [
      ['nonsense', () => [200, '<html>'], /not as a schema registry does/],
      ['errors', () => [500, '{}'], /status 500/],
      ['refusal', () => [401, '{}'], /status 401/],
      ['redirect', () => [302, ''], /does not answer/],
      ['silence', () => null, /gives no answer/],
      ['too much', () => [200, 'x'.repeat(17_000_000)], /more than/],
    ]
    for (const [what, answer, message] of cases) await assert.rejects(askedOf(answer), { code: 'E308', message }, what)
  })

  test('gives nothing when its answer lacks what a schema has, and ends at references that never end', async () => {
    assert.equal(await askedOf(() => [200, '{"subject": "t"}']), null)
    const circle = {
      subject: 't',
      version: 1,
      id: 1,
      schema: '{}',
      references: [{ name: 'n', subject: 't', version: 1 }],
    }
    await assert.rejects(
      askedOf(() => [200, JSON.stringify(circle)]),
      { code: 'E308', message: /too many schemas/ },
    )
  })

  test('hears who the hub is', async () => {
    const heard: (string | undefined)[] = []
    const server = createServer((request, response) => {
      heard.push(request.headers.authorization)
      response.end('{}')
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await new OtherRegistry({ url, username: 'hub', password: 'secret' }).ask('GET', '/subjects')
    await new OtherRegistry({ url, token: 'token' }).ask('GET', '/subjects')
    await new OtherRegistry({ url }).ask('GET', '/subjects')
    assert.deepEqual(heard, [`Basic ${Buffer.from('hub:secret').toString('base64')}`, 'Bearer token', undefined])
  })
})
