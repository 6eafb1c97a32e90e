import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import fc from 'fast-check'
import { type Served, serve } from './fake-hub.ts'

let served: Served
const token = 'a-long-secret'

beforeEach(async () => {
  served = await serve({ token })
})
afterEach(() => served.api.stop())

/** An unmodified client, which speaks Basic. */
const client = (): SchemaRegistry =>
  new SchemaRegistry({ host: served.api.url, auth: { username: 'anyone', password: token }, retry: { retries: 0 } })

const avro = (name: string, ...fields: object[]) => ({
  type: SchemaType.AVRO as const,
  schema: JSON.stringify({ type: 'record', name, namespace: 'plant', fields }),
})

describe('B5: an unmodified client of the registry', () => {
  test('registers, finds by id, by subject and by schema, and has a subject’s level as it wants it', async () => {
    const registry = client()
    const schema = avro('Reading', { name: 'n', type: 'long' })
    const { id } = await registry.register(schema)
    assert.equal((await registry.register(schema)).id, id)
    assert.equal(await registry.getLatestSchemaId('plant.Reading'), id)
    assert.equal(await registry.getRegistryIdBySchema('plant.Reading', schema), id)
    assert.equal(await registry.getRegistryId('plant.Reading', 1), id)
    assert.equal(served.hub.schemas.registry.compatibilityOf('plant.Reading'), 'BACKWARD')
    await registry.register(avro('Alarm', { name: 'n', type: 'long' }), { compatibility: COMPATIBILITY.FULL })
    assert.equal(served.hub.schemas.registry.compatibilityOf('plant.Alarm'), 'FULL')
    const bytes = await registry.encode(id, { n: 7 })
    assert.deepEqual({ ...(await client().decode(bytes)) }, { n: 7 })
    const opened = served.hub.schemas.registry.unframe(bytes)!
    assert.deepEqual(opened.schema.decode(bytes.subarray(opened.offset), ''), { n: 7 })
  })

  test('hears in its own errors what is not there and what does not fit', async () => {
    const registry = client()
    await registry.register(avro('Reading', { name: 'n', type: 'long' }))
    const status = (wanted: number) => (error: { status?: number }) => error.status === wanted
    await assert.rejects(registry.getLatestSchemaId('nothing'), status(404))
    await assert.rejects(registry.getSchema(99), status(404))
    await assert.rejects(registry.register(avro('Reading', { name: 'm', type: 'long' })), status(409))
    const stranger = new SchemaRegistry({ host: served.api.url, retry: { retries: 0 } })
    await assert.rejects(stranger.getLatestSchemaId('plant.Reading'), status(401))
  })

  test('reads and writes schemas that refer to others, in each language', async () => {
    const registry = client()
    const part = '{"type":"record","name":"Part","namespace":"plant","fields":[{"name":"n","type":"long"}]}'
    const cases = [
      {
        type: SchemaType.AVRO,
        part,
        name: 'plant.Part',
        whole: '{"type":"record","name":"Whole","namespace":"plant","fields":[{"name":"part","type":"plant.Part"}]}',
      },
      {
        type: SchemaType.JSON,
        part: '{"$id":"https://example.com/part.json","type":"object","properties":{"n":{"type":"integer"}}}',
        name: 'https://example.com/part.json',
        whole:
          '{"$id":"https://example.com/whole.json","type":"object","properties":{"part":{"$ref":"https://example.com/part.json"}}}',
      },
      {
        type: SchemaType.PROTOBUF,
        part: 'syntax = "proto3"; package plant; message Part { int32 n = 1; }',
        name: 'part.proto',
        whole: 'syntax = "proto3"; package plant; import "part.proto"; message Whole { Part part = 1; }',
      },
    ] as const
    for (const { type, part, name, whole } of cases) {
      await registry.register({ type, schema: part } as Parameters<SchemaRegistry['register']>[0], {
        subject: `part-${type}`,
      })
      const references = [{ name, subject: `part-${type}`, version: 1 }]
      const { id } = await registry.register(
        { type, schema: whole, references } as Parameters<SchemaRegistry['register']>[0],
        { subject: `whole-${type}` },
      )
      const bytes = await registry.encode(id, { part: { n: 7 } })
      assert.deepEqual(JSON.parse(JSON.stringify(await client().decode(bytes))), { part: { n: 7 } }, type)
      const opened = served.hub.schemas.registry.unframe(bytes)!
      assert.deepEqual(opened.schema.decode(bytes.subarray(opened.offset), ''), { part: { n: 7 } }, type)
    }
  })
})

describe('the registry’s API, asked anything', () => {
  const segment = fc.oneof(
    fc.constantFrom(
      'subjects',
      'versions',
      'schemas',
      'ids',
      'config',
      'mode',
      'compatibility',
      'latest',
      '1',
      '-1',
      't',
    ),
    fc.constantFrom('__proto__', 'constructor', '%00', '%2e%2e', '..', '%F0%9F%98%80', 'a b', '{}', '*', '[', '%'),
    fc.string({ maxLength: 12 }).map(encodeURIComponent),
  )
  const path = fc
    .tuple(
      fc.constantFrom('subjects', 'schemas', 'config', 'mode', 'compatibility'),
      fc.array(segment, { maxLength: 5 }),
    )
    .map(([first, rest]) => `/${[first, ...rest].join('/')}`)
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters({ size: 'small' }).map((text) => `?${text}`),
  )
  const schemaText = fc.oneof(
    fc.constantFrom('"string"', '{}', 'true', 'null', '[]', '{"type":"record"}', 'syntax = "proto3"; message M {}', ''),
    fc.json({ maxDepth: 3 }),
  )
  const body = fc.oneof(
    fc.record(
      {
        schema: schemaText,
        schemaType: fc.constantFrom('AVRO', 'JSON', 'PROTOBUF', 'XML', '__proto__'),
        references: fc.array(
          fc.record({ name: fc.string(), subject: fc.constantFrom('t', '__proto__'), version: fc.integer() }),
        ),
        metadata: fc.anything({ maxDepth: 1 }),
        id: fc.integer(),
        version: fc.integer(),
        compatibility: fc.constantFrom('NONE', 'FULL', '__proto__', null),
        mode: fc.constantFrom('IMPORT', 'READWRITE', 'toString'),
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )

  test('answers each request with success or one of its errors, and is in good health afterwards', {
    timeout: 120_000,
  }, async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.schemaregistry.v1+json' }
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE')
    await fc.assert(
      fc.asyncProperty(method, path, query, body, async (method, path, query, body) => {
        const sent = method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify(body) ?? 'null' }
        const response = await fetch(served.api.url + path + query, { method, headers, ...sent })
        const text = await response.text()
        const told = `${method} ${path}${query} ${JSON.stringify(body)}: ${response.status} ${text.slice(0, 300)}`
        assert.ok(response.status < 500, told)
        if (response.ok) return
        const answer = JSON.parse(text) as { error_code?: number; code?: string; message: string }
        assert.ok(typeof answer.error_code === 'number' || answer.code !== undefined, told)
        assert.ok(answer.message.length > 0, told)
      }),
      { numRuns: 600 },
    )
    assert.equal((await fetch(`${served.api.url}/subjects`, { headers })).status, 200)
  })
})
