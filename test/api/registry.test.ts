import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type Served, serve } from './fake-hub.ts'

const type = 'application/vnd.schemaregistry.v1+json'
let served: Served | null = null

afterEach(async () => {
  await served?.api.stop()
  served = null
})

/** What a client would read; each answer has some of it. */
interface Body {
  id: number
  version: number
  maxId: number
  error_code: number
  subject: string
  schema: string
  schemaType: string
  guid: string
  message: string
  mode: string
  compatibilityLevel: string
  is_compatible: boolean
  deleted: boolean
  messages: string[]
  references: unknown
  metadata: unknown
}

interface Answer {
  status: number
  body: Body
  type: string | null
}

/** A registry's client, as thin as can be. */
async function open(options: Parameters<typeof serve>[0] = {}, headers: Record<string, string> = {}) {
  served = await serve(options)
  const { api, hub } = served
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await fetch(api.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': type }), ...headers },
      ...sent,
    })
    const text = await response.text()
    const isText = path.split('?')[0]!.endsWith('/schema')
    return {
      status: response.status,
      body: isText && response.ok ? text : JSON.parse(text),
      type: response.headers.get('content-type'),
    }
  }
  const register = (subject: string, schema: object, more: object = {}) =>
    ask('POST', `/subjects/${encodeURIComponent(subject)}/versions`, {
      schemaType: 'JSON',
      schema: JSON.stringify(schema),
      ...more,
    })
  return { ask, register, hub: hub.schemas, url: api.url }
}

/** An object with these fields of numbers; closed, so that a field less is a break. */
const fields = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'number' }])),
  additionalProperties: false,
})

const json = (schema: object) => ({ schemaType: 'JSON', schema: JSON.stringify(schema) })

describe('B5: the registry’s own API', () => {
  test('registers, and finds what is registered by subject, version, id and GUID', async () => {
    const { ask, register } = await open()
    const first = await register('plant/line', fields('n'))
    assert.equal(first.status, 200)
    assert.equal(first.type, type)
    assert.deepEqual([first.body.id, first.body.version, first.body.schemaType], [1, 1, 'JSON'])
    const again = await register('plant/line', fields('n'))
    assert.deepEqual([again.body.id, again.body.version], [1, 1])
    assert.equal((await register('ä'.repeat(255), fields('n'))).status, 200)
    const other = await register('other', fields('n'))
    assert.deepEqual([other.body.id, other.body.version], [1, 1], 'the same schema has the same id in every subject')
    const second = await register('plant/line', fields('n', 'm'))
    assert.deepEqual([second.body.id, second.body.version], [2, 2])

    assert.deepEqual((await ask('GET', '/subjects')).body, ['other', 'plant/line', 'ä'.repeat(255)])
    const versions = '/subjects/plant%2Fline/versions'
    assert.deepEqual((await ask('GET', versions)).body, [1, 2])
    const one = await ask('GET', `${versions}/latest`)
    assert.equal(one.body.subject, 'plant/line')
    assert.equal(one.body.version, 2)
    assert.equal(one.body.schema, JSON.stringify(fields('n', 'm')))
    assert.equal((await ask('GET', `${versions}/-1`)).body.version, 2)
    assert.equal((await ask('GET', `${versions}/1/schema`)).body, JSON.stringify(fields('n')))
    const byId = await ask('GET', '/schemas/ids/1?fetchMaxId=true')
    assert.equal(byId.body.schema, JSON.stringify(fields('n')))
    assert.equal(byId.body.maxId, 2)
    assert.equal((await ask('GET', '/schemas/ids/1/schema')).body, JSON.stringify(fields('n')))
    assert.deepEqual((await ask('GET', '/schemas/ids/1/subjects')).body, ['plant/line', 'ä'.repeat(255), 'other'])
    assert.deepEqual((await ask('GET', '/schemas/ids/2/versions')).body, [{ subject: 'plant/line', version: 2 }])
    assert.equal((await ask('GET', `/schemas/guids/${first.body.guid}`)).body.schema, JSON.stringify(fields('n')))
    assert.deepEqual((await ask('GET', `/schemas/guids/${first.body.guid}/ids`)).body, [{ context: '.', id: 1 }])
    assert.ok([(await ask('GET', '/schemas/types')).body].flat().some((name) => String(name) === 'JSON'))
    assert.equal([(await ask('GET', '/schemas')).body].flat().length, 4)
    assert.equal([(await ask('GET', '/schemas?latestOnly=true&subjectPrefix=plant')).body].flat()[0]?.version, 2)
    assert.deepEqual((await ask('GET', '/contexts')).body, ['.'])
    const found = await ask('POST', '/subjects/plant%2Fline', json(fields('n')))
    assert.deepEqual([found.body.version, found.body.id], [1, 1])
  })

  test('says with Confluent’s numbers what is not there or not valid', async () => {
    const { ask, register } = await open()
    await register('t', fields('n'))
    const cases: [string, string, unknown, number, number][] = [
      ['GET', '/subjects/u/versions', undefined, 404, 40401],
      ['GET', '/subjects/u/versions/1', undefined, 404, 40401],
      ['GET', '/subjects/t/versions/7', undefined, 404, 40402],
      ['GET', '/subjects/t/versions/0', undefined, 422, 42202],
      ['GET', '/subjects/t/versions/first', undefined, 422, 42202],
      ['GET', '/schemas/ids/99', undefined, 404, 40403],
      ['GET', '/schemas/guids/nothing', undefined, 404, 40403],
      ['POST', '/subjects/t', json(fields('x')), 404, 40403],
      ['POST', '/subjects/u', json(fields('x')), 404, 40401],
      ['POST', '/subjects/t/versions', { schemaType: 'JSON', schema: '{"type": "objekt"}' }, 422, 42201],
      ['POST', '/subjects/t/versions', { schemaType: 'JSON', schema: '{' }, 422, 42201],
      ['POST', '/subjects/t/versions', { schemaType: 'XML', schema: '<x/>' }, 422, 42201],
      ['POST', '/subjects/t/versions', { schemaType: 'JSON', schema: '' }, 422, 42201],
      ['POST', '/subjects/t/versions', { schemaType: 'JSON', schema: 7 }, 422, 42201],
      ['POST', '/subjects/t/versions', { ...json(fields('n')), references: [{ name: 'a' }] }, 422, 422],
      ['POST', '/subjects/t/versions', { ...json(fields('q')), id: 9 }, 422, 42205],
      ['POST', '/subjects/%01/versions', json(fields('n')), 422, 42208],
      ['POST', '/subjects/:.other:t/versions', json(fields('n')), 422, 42208],
      ['POST', '/subjects/sparkplug-b/versions', json(fields('n')), 422, 42208],
      ['POST', `/subjects/${'%C3%A4'.repeat(256)}/versions`, json(fields('n')), 422, 42208],
      ['POST', '/subjects/t/versions', '{"schema"', 400, 400],
      ['GET', '/config/t', undefined, 404, 40408],
      ['GET', '/mode/t', undefined, 404, 40409],
      ['PUT', '/config/t', { compatibility: 'SOMEWHAT' }, 422, 42203],
      ['PUT', '/mode', { mode: 'SOMEHOW' }, 422, 42204],
      ['DELETE', '/config/t', undefined, 404, 40401],
      ['DELETE', '/subjects/u', undefined, 404, 40401],
      ['DELETE', '/subjects/t/versions/9', undefined, 404, 40402],
    ]
    for (const [method, path, body, status, number] of cases) {
      const answer = await ask(method, path, body)
      const told = `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`
      assert.equal(answer.status, status, told)
      assert.equal(answer.body.error_code, number, told)
      assert.ok(answer.body.message.length > 0, told)
      assert.equal(answer.type, type, told)
    }
    assert.equal((await ask('GET', '/subjects/u/versions')).body.message, "Subject 'u' not found.")
    assert.equal((await ask('GET', '/subjects/t/versions/7')).body.message, 'Version 7 not found.')
    assert.equal((await ask('GET', '/schemas/ids/99')).body.message, 'Schema 99 not found')
  })

  test('refuses a version that its level forbids, and takes it at another level', async () => {
    const { ask, register } = await open()
    await register('t', fields('n'))
    assert.equal((await ask('GET', '/config')).body.compatibilityLevel, 'BACKWARD')
    const refused = await register('t', { ...fields('n'), required: ['n'] })
    assert.equal(refused.status, 409)
    assert.equal(refused.body.error_code, 409)
    assert.match(refused.body.message, /incompatible with an earlier schema for subject "t", details: \[\{/)
    const test = '/compatibility/subjects/t/versions'
    const body = json({ ...fields('n'), required: ['n'] })
    assert.deepEqual((await ask('POST', test, body)).body, { is_compatible: false })
    const verbose = await ask('POST', `${test}/latest?verbose=true`, body)
    assert.equal(verbose.body.is_compatible, false)
    assert.ok(verbose.body.messages.length >= 3)
    assert.deepEqual((await ask('POST', `${test}/1`, json(fields('n')))).body, { is_compatible: true })
    assert.equal((await ask('POST', `${test}/9`, body)).body.error_code, 40402)
    assert.deepEqual((await ask('POST', '/compatibility/subjects/u/versions/latest', body)).body, {
      is_compatible: true,
    })
    const broken = { schemaType: 'JSON', schema: '{"type": 7}' }
    assert.equal((await ask('POST', test, broken)).body.error_code, 42201)
    assert.equal((await ask('POST', `${test}?verbose=true`, broken)).body.is_compatible, false)

    assert.deepEqual((await ask('PUT', '/config/t', { compatibility: 'none' })).body, { compatibility: 'NONE' })
    assert.equal((await ask('GET', '/config/t')).body.compatibilityLevel, 'NONE')
    assert.equal((await register('t', { ...fields('n'), required: ['n'] })).body.version, 2)
    assert.equal((await ask('DELETE', '/config/t')).body.compatibilityLevel, 'NONE')
    assert.equal((await ask('GET', '/config/t?defaultToGlobal=true')).body.compatibilityLevel, 'BACKWARD')
    await ask('PUT', '/config', { compatibility: 'FULL_TRANSITIVE' })
    assert.equal((await ask('GET', '/config')).body.compatibilityLevel, 'FULL_TRANSITIVE')
    assert.equal((await ask('DELETE', '/config')).body.compatibilityLevel, 'FULL_TRANSITIVE')
    assert.equal((await ask('GET', '/config')).body.compatibilityLevel, 'BACKWARD')
  })

  test('deletes softly, so that ids still lead there, and then for good; ids are not given again', async () => {
    const { ask, register } = await open()
    await register('t', fields('n'))
    await register('t', fields('n', 'm'))
    assert.equal((await ask('DELETE', '/subjects/t/versions/2?permanent=true')).body.error_code, 40407)
    assert.equal((await ask('DELETE', '/subjects/t/versions/latest')).body, 2)
    assert.equal((await ask('DELETE', '/subjects/t/versions/2')).body.error_code, 40406)
    assert.deepEqual((await ask('GET', '/subjects/t/versions')).body, [1])
    assert.deepEqual((await ask('GET', '/subjects/t/versions?deleted=true')).body, [1, 2])
    assert.deepEqual((await ask('GET', '/subjects/t/versions?deletedOnly=true')).body, [2])
    assert.equal((await ask('GET', '/subjects/t/versions/2')).body.error_code, 40402)
    assert.equal((await ask('GET', '/subjects/t/versions/2?deleted=true')).body.deleted, true)
    assert.equal((await ask('GET', '/schemas/ids/2')).status, 200)
    assert.deepEqual((await ask('GET', '/schemas/ids/2/subjects')).body, [])
    const back = await register('t', fields('n', 'm'))
    assert.deepEqual([back.body.id, back.body.version], [2, 3], 'the same schema is the same id, as a new version')
    assert.deepEqual((await ask('DELETE', '/subjects/t?permanent=true')).body.error_code, 40405)
    assert.deepEqual((await ask('DELETE', '/subjects/t')).body, [1, 3])
    assert.equal((await ask('DELETE', '/subjects/t')).body.error_code, 40404)
    assert.deepEqual((await ask('GET', '/subjects')).body, [])
    assert.deepEqual((await ask('GET', '/subjects?deletedOnly=true')).body, ['t'])
    assert.deepEqual((await ask('DELETE', '/subjects/t?permanent=true')).body, [1, 3])
    assert.equal((await ask('GET', '/schemas/ids/2')).body.error_code, 40403)
    assert.equal((await register('t', fields('x'))).body.id, 3)
  })

  test('keeps references, and what others refer to', async () => {
    const { ask, register } = await open()
    await register('common', { type: 'number' })
    const schema = { type: 'object', properties: { n: { $ref: 'number.json' } } }
    const references = [{ name: 'number.json', subject: 'common', version: 1 }]
    const missing = await register('t', schema, { references: [{ ...references[0], version: 4 }] })
    assert.equal(missing.body.error_code, 42201)
    assert.match(missing.body.message, /No schema reference found for subject "common" and version 4/)
    assert.equal((await register('t', schema)).body.error_code, 42201, 'nothing is fetched')
    const registered = await register('t', schema, { references })
    assert.equal(registered.status, 200)
    assert.deepEqual((await ask('GET', '/subjects/t/versions/1')).body.references, references)
    assert.deepEqual((await ask('GET', '/subjects/common/versions/1/referencedby')).body, [registered.body.id])
    assert.equal((await ask('DELETE', '/subjects/common')).body.error_code, 42206)
    assert.equal((await ask('DELETE', '/subjects/common/versions/1')).body.error_code, 42206)
    await ask('DELETE', '/subjects/t')
    assert.deepEqual((await ask('DELETE', '/subjects/common')).body, [1])
    assert.equal(
      (await ask('DELETE', '/subjects/common?permanent=true')).body.error_code,
      42206,
      'a deleted one may come back',
    )
  })

  test('keeps metadata, and imports with ids of their own', async () => {
    const { ask, register } = await open()
    const metadata = { properties: { owner: 'lines' }, tags: { n: ['PII'] } }
    await register('t', fields('n'), { metadata })
    assert.deepEqual((await ask('GET', '/subjects/t/versions/1')).body.metadata, metadata)
    assert.equal((await ask('GET', '/subjects/t/metadata?key=owner&value=lines')).body.version, 1)
    assert.equal((await ask('GET', '/subjects/t/metadata?key=owner&value=others')).body.error_code, 40403)
    assert.equal((await ask('PUT', '/mode', { mode: 'IMPORT' })).body.error_code, 42205)
    assert.deepEqual((await ask('PUT', '/mode/u', { mode: 'IMPORT' })).body, { mode: 'IMPORT' })
    assert.equal((await register('u', fields('a'))).body.error_code, 42205)
    assert.deepEqual((await register('u', fields('a'), { id: 170, version: 5 })).body.version, 5)
    assert.equal((await register('u', fields('b'), { id: 170 })).body.error_code, 42205)
    assert.equal((await ask('GET', '/schemas/ids/170')).status, 200)
    await ask('PUT', '/mode/u', { mode: 'READONLY' })
    assert.equal((await register('u', fields('c'))).body.error_code, 42205)
    assert.equal((await ask('DELETE', '/subjects/u')).body.error_code, 42205)
    assert.equal((await ask('DELETE', '/mode/u')).body.mode, 'READONLY')
    assert.equal((await register('v', fields('d'))).body.id, 171, 'ids go on behind what was imported')
  })

  test('finds the same schema in another layout, and with normalize in another order', async () => {
    const { ask, register } = await open()
    await register('t', fields('a', 'b'))
    const spaced = { schemaType: 'JSON', schema: JSON.stringify(fields('a', 'b'), null, 2) }
    assert.equal((await ask('POST', '/subjects/t', spaced)).body.version, 1)
    const { additionalProperties, ...rest } = fields('a', 'b')
    const turned = json({ additionalProperties, ...rest })
    assert.equal((await ask('POST', '/subjects/t', turned)).body.error_code, 40403)
    await ask('POST', '/subjects/n/versions?normalize=True', turned)
    assert.equal((await ask('POST', '/subjects/n?normalize=true', json(fields('a', 'b')))).body.version, 1)
  })
})

describe('B7: a version that rules cannot live with', () => {
  test('is refused with the place in the rule, and by the compatibility test too', async () => {
    const { ask, register, hub } = await open()
    await register('t', fields('n'))
    hub.faults = [{ file: 'rules/a.yaml', line: 3, column: 8, code: 'E217', message: 'unknown field `payload.n`' }]
    const refused = await register('t', fields('n', 'm'))
    assert.equal(refused.status, 409)
    assert.equal(refused.body.error_code, 409)
    assert.match(refused.body.message, /rules\/a\.yaml:3:8 {2}E217/)
    const tested = await ask('POST', '/compatibility/subjects/t/versions?verbose=true', json(fields('n', 'm')))
    assert.equal(tested.body.is_compatible, false)
    assert.match(tested.body.messages[0] ?? '', /rules\/a\.yaml:3:8/)
    assert.equal((await register('t', fields('n'))).status, 200, 'what is there already is found')
  })

  test('a registry of files refuses every change and answers every question', async () => {
    const { ask, register, hub } = await open()
    await register('t', fields('n'))
    hub.writable = false
    assert.equal((await register('t', fields('n'))).body.id, 1, 'clients that register on their first message go on')
    const refused = await register('t', fields('n', 'm'))
    assert.deepEqual([refused.status, refused.body.error_code], [422, 42205])
    assert.match(refused.body.message, /lie in a folder/)
    for (const [method, path, body] of [
      ['PUT', '/config', { compatibility: 'NONE' }],
      ['DELETE', '/subjects/t', undefined],
    ] as const) {
      assert.equal((await ask(method, path, body)).body.error_code, 42205)
    }
  })
})

describe('the registry behind the API’s token', () => {
  test('takes it as a bearer or as the password of any user, and nothing else', async () => {
    const token = 'a-long-secret'
    const { url } = await open({ token })
    const status = async (authorization?: string, path = '/subjects') =>
      (await fetch(url + path, { headers: authorization === undefined ? {} : { authorization } })).status
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    assert.equal(await status(), 401)
    assert.equal(await status(`Bearer ${token}`), 200)
    assert.equal(await status(basic(`anyone:${token}`)), 200)
    assert.equal(await status(basic('anyone:wrong')), 401)
    assert.equal(await status(basic(token)), 401)
    assert.equal(await status(basic(`anyone:${token}`), '/api/status'), 401, 'Basic is for registry clients')
    const body = await (await fetch(`${url}/subjects`)).json()
    assert.deepEqual(Object.keys(body as object), ['error_code', 'message'])
  })

  test('serves no other web site', async () => {
    const { url } = await open()
    const post = (contentType: string) =>
      fetch(`${url}/subjects/t/versions`, { method: 'POST', headers: { 'content-type': contentType }, body: '{}' })
    assert.equal((await post('text/plain')).status, 400)
    assert.equal((await post('application/x-www-form-urlencoded')).status, 400)
    assert.equal((await fetch(`${url}/subjects`, { headers: { origin: 'http://elsewhere.example' } })).status, 403)
  })

  test('answers plain JSON to those who ask for it alone', async () => {
    const { url } = await open()
    const answer = await fetch(`${url}/subjects`, { headers: { accept: 'application/json' } })
    assert.equal(answer.headers.get('content-type'), 'application/json')
  })
})
