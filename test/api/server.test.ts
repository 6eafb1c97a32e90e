import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { XStatic } from 'typebox/schema'
import { deadLetterSchema, errorSchema, hubSchema } from '../../src/api/schemas.ts'
import { startApi } from '../../src/api/server.ts'
import { TrestleError } from '../../src/contract/error.ts'
import type { HubReport } from '../../src/telemetry/report.ts'
import { deadLetter, publishedWith, type Served, sampleReport, serve } from './fake-hub.ts'

// The schema and the type tell the same: this line does not compile when they part.
const described = (report: HubReport): XStatic<typeof hubSchema> => report

const conforms = (schema: object, value: unknown) => {
  const ajv = new Ajv2020({ allowUnionTypes: true, strict: false })
  assert.ok(ajv.validate(schema, value), ajv.errorsText())
}

describe('the API of a hub', () => {
  let served: Served
  const get = (path: string) => fetch(served.api.url + path)
  const post = (path: string, body: unknown = {}) =>
    fetch(served.api.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const fault = async (response: Response, status: number) => {
    assert.equal(response.status, status)
    const body = (await response.json()) as { code: string; title: string; message: string; advice: string | null }
    conforms(errorSchema, body)
    return body
  }

  before(async () => {
    served = await serve()
  })
  after(() => served.api.stop())

  it('answers the status with raw numbers, as its schema says', async () => {
    served.hub.current = sampleReport()
    const report = await (await get('/api/status')).json()
    assert.deepEqual(report, described(sampleReport()))
    conforms(hubSchema, report)
  })

  it('answers one connector, and 404 with the names there are for another', async () => {
    served.hub.current = sampleReport()
    const lake = (await (await get('/api/connectors/lake')).json()) as { name: string }
    assert.equal(lake.name, 'lake')
    const list = (await (await get('/api/connectors')).json()) as { items: unknown[] }
    assert.equal(list.items.length, 3)
    const missing = await fault(await get('/api/connectors/pond'), 404)
    assert.equal(missing.code, 'E702')
    assert.equal(missing.advice, 'there are: lake, archive, orders')
  })

  it('pauses and resumes a connector and answers its new state', async () => {
    served.hub.current = sampleReport()
    const paused = (await (await post('/api/connectors/lake/pause')).json()) as { state: string }
    assert.equal(paused.state, 'paused')
    const resumed = (await (await post('/api/connectors/lake/resume')).json()) as { state: string }
    assert.equal(resumed.state, 'connected')
    await fault(await post('/api/connectors/pond/pause'), 404)
  })

  it('answers a probe step by step and whether all went well', async () => {
    const probe = (await (await post('/api/connectors/lake/probe')).json()) as {
      ok: boolean
      steps: { step: string }[]
    }
    assert.equal(probe.ok, false)
    assert.deepEqual(
      probe.steps.map((step) => step.step),
      ['connect', 'produce'],
    )
  })

  it('publishes text and bytes with their properties and answers the receipt', async () => {
    const { published } = served.hub
    published.length = 0
    const answer = await post('/api/publish', {
      topic: 'a/b',
      payload: 'grüß',
      qos: 2,
      retain: true,
      properties: { contentType: 'text/plain', user: [['a', 'b']], correlationDataBase64: 'AP8=' },
    })
    assert.deepEqual(await answer.json(), { outcome: 'stored', place: null })
    await post('/api/publish', { topic: 'a/b', payloadBase64: 'AP8=' })
    await post('/api/publish', { topic: 'a/b' })
    assert.deepEqual(published[0]!.properties, {
      contentType: 'text/plain',
      user: [['a', 'b']],
      correlationData: Buffer.from([0, 255]),
    })
    assert.deepEqual(
      published.map(({ topic, payload, qos, retain }) => [topic, Buffer.from(payload).toString('latin1'), qos, retain]),
      [
        ['a/b', Buffer.from('grüß').toString('latin1'), 2, true],
        ['a/b', '\x00\xff', 1, false],
        ['a/b', '', 1, false],
      ],
    )
  })

  it('answers a refused message with the status and words of its error', async () => {
    served.hub.receipt = {
      outcome: 'refused',
      place: null,
      error: new TrestleError('E401', '/temperature must be number', { detail: { advice: 'see schema telemetry@3' } }),
    }
    const body = await fault(await post('/api/publish', { topic: 'a', payload: '{}' }), 422)
    served.hub.receipt = { outcome: 'stored', error: null, place: null }
    assert.deepEqual(body, {
      code: 'E401',
      title: 'payload does not fit its schema',
      message: '/temperature must be number',
      advice: 'see schema telemetry@3',
    })
  })

  it('names what is wrong with a request', async () => {
    const of = async (body: unknown) => (await fault(await post('/api/publish', body), 400)).message
    assert.match(await of({}), /required property 'topic'/)
    assert.match(await of({ topic: 'a', payloud: 'x' }), /unknown field 'payloud'/)
    assert.match(await of({ topic: 'a', qos: 3 }), /qos/)
    assert.match(await of({ topic: 'a', payload: '', payloadBase64: '' }), /not both/)
    assert.match(await of({ topic: 'a', payloadBase64: 'not base64!' }), /not base64/)
    const garbled = await fetch(`${served.api.url}/api/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"topic":',
    })
    assert.equal((await fault(garbled, 400)).code, 'E703')
    assert.equal((await fault(await get('/api/pond'), 404)).code, 'E702')
    assert.equal((await fault(await get('/api/dead-letters?limit=0'), 400)).code, 'E703')
  })

  it('lists dead letters with the question it was asked', async () => {
    served.hub.calls.length = 0
    const page = (await (await get('/api/dead-letters?sink=lake&rule=r&limit=5&after=x')).json()) as { total: number }
    assert.equal(page.total, 1)
    assert.deepEqual(served.hub.calls, [['list', { sink: 'lake', rule: 'r', limit: 5, after: 'x' }]])
  })

  it('shows a dead letter with its bytes, as text too where they are text', async () => {
    const shown = (await (await get('/api/dead-letters/18422-0')).json()) as Record<string, unknown>
    conforms(deadLetterSchema, shown)
    const message = shown['message'] as Record<string, unknown>
    const owed = shown['owed'] as Record<string, unknown>
    assert.equal(message['payloadText'], '{"temperature": 21}')
    assert.equal(message['payloadBase64'], Buffer.from('{"temperature": 21}').toString('base64'))
    assert.equal(owed['payloadText'], '{"temperature": 21}')
    assert.deepEqual(owed['headers'], [
      { name: 'line', value: '3' },
      { name: 'raw', value: null, valueBase64: 'AQL6' },
    ])
    assert.deepEqual(message['properties'], {
      contentType: 'application/json',
      user: [['a', 'b']],
      correlationDataBase64: 'AP8=',
    })
    served.hub.letters.push(deadLetter({ id: 'b', message: publishedWith(Buffer.from('\x1b[2J')) }))
    const other = (await (await get('/api/dead-letters/b')).json()) as { message: { payloadText: unknown } }
    assert.equal(other.message.payloadText, null)
    served.hub.letters.pop()
    await fault(await get('/api/dead-letters/none'), 404)
  })

  it('replays and discards only what was clearly chosen', async () => {
    served.hub.calls.length = 0
    assert.deepEqual(await (await post('/api/dead-letters/replay', { all: true })).json(), {
      error: null,
      replayed: 1000,
    })
    assert.deepEqual(await (await post('/api/dead-letters/discard', { sink: 'lake' })).json(), { discarded: 1 })
    assert.equal(served.hub.calls.length, 2)
    for (const unclear of [{}, { all: false }, { all: true, sink: 'lake' }, { ids: ['a'], rule: 'r' }, { ids: [] }]) {
      assert.equal((await fault(await post('/api/dead-letters/discard', unclear), 400)).code, 'E703')
    }
    assert.equal(served.hub.calls.length, 2)
  })

  it('D4: is healthy while it answers, and ready or not with reasons', async () => {
    assert.deepEqual(await (await get('/health')).json(), { status: 'ok' })
    assert.equal((await get('/ready')).status, 200)
    served.hub.reasons = ['journal cannot be written: ENOSPC']
    const unready = await get('/ready')
    served.hub.reasons = []
    assert.equal(unready.status, 503)
    assert.deepEqual(await unready.json(), { ready: false, reasons: ['journal cannot be written: ENOSPC'] })
  })

  it('shows metrics as Prometheus text', async () => {
    const response = await get('/metrics')
    assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
    assert.match(await response.text(), /^trestle_messages_received_total 1234567$/m)
  })

  it('describes every route it has in an OpenAPI document', async () => {
    const document = (await (await get('/api/openapi.json')).json()) as {
      openapi: string
      paths: Record<string, Record<string, { summary: string }>>
    }
    assert.equal(document.openapi, '3.1.0')
    assert.deepEqual(Object.keys(document.paths).sort(), [
      '/api/clients/{id}/subscribe',
      '/api/clients/{id}/subscriptions',
      '/api/clients/{id}/unsubscribe',
      '/api/connectors',
      '/api/connectors/{name}',
      '/api/connectors/{name}/pause',
      '/api/connectors/{name}/probe',
      '/api/connectors/{name}/resume',
      '/api/connectors/{name}/settings',
      '/api/dead-letters',
      '/api/dead-letters/discard',
      '/api/dead-letters/replay',
      '/api/dead-letters/{id}',
      '/api/publish',
      '/api/reload',
      '/api/status',
      '/api/subscribe',
      '/compatibility/subjects/{subject}/versions',
      '/compatibility/subjects/{subject}/versions/{version}',
      '/config',
      '/config/{subject}',
      '/contexts',
      '/health',
      '/metrics',
      '/mode',
      '/mode/{subject}',
      '/ready',
      '/schemas',
      '/schemas/guids/{guid}',
      '/schemas/guids/{guid}/ids',
      '/schemas/ids/{id}',
      '/schemas/ids/{id}/schema',
      '/schemas/ids/{id}/subjects',
      '/schemas/ids/{id}/versions',
      '/schemas/types',
      '/subjects',
      '/subjects/{subject}',
      '/subjects/{subject}/metadata',
      '/subjects/{subject}/versions',
      '/subjects/{subject}/versions/{version}',
      '/subjects/{subject}/versions/{version}/referencedby',
      '/subjects/{subject}/versions/{version}/schema',
    ])
    for (const path of Object.values(document.paths)) {
      for (const operation of Object.values(path)) assert.ok(operation.summary)
    }
  })

  it('keeps the words of an unforeseen fault to its log', async () => {
    const { hub, logged } = served
    hub.report = async () => {
      throw new Error('password=hunter2')
    }
    const body = await fault(await get('/api/status'), 500)
    hub.report = async () => hub.current
    assert.equal(body.code, 'E999')
    assert.doesNotMatch(JSON.stringify(body), /hunter2/)
    assert.ok(logged.some((line) => line['event'] === 'api.fault'))
  })

  it('tells who posts without a content type how it is done', async () => {
    const body = await fault(await fetch(`${served.api.url}/api/reload`, { method: 'POST' }), 400)
    assert.equal(body.code, 'E703')
    assert.match(body.message, /and this one has no content type/)
    assert.match(body.advice!, /-H 'content-type: application\/json' -d '\{\}'/)
  })

  it('refuses a body above its limit', async () => {
    const small = await serve({ maxBodyBytes: 1000 })
    const response = await fetch(`${small.api.url}/api/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic: 'a', payload: 'x'.repeat(1000) }),
    })
    assert.equal((await fault(response, 413)).code, 'E706')
    await small.api.stop()
  })

  it('says in one line what to do when its port is taken', async () => {
    const port = Number(new URL(served.api.url).port)
    await assert.rejects(serve({ port }), (error: TrestleError) => {
      assert.equal(error.code, 'E901')
      assert.match(error.message, /^the API's address 127\.0\.0\.1:\d+ is already in use$/)
      assert.match(error.detail.advice!, /api\.address/)
      return true
    })
    assert.equal(typeof startApi, 'function')
  })
})

describe('who may use the API', () => {
  const ask = (url: string, headers: Record<string, string>, method = 'GET') =>
    new Promise<number>((resolve, reject) => {
      request(url, { method, headers }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
        .on('error', reject)
        .end(method === 'POST' ? '{}' : undefined)
    })

  it('tells of an address that cannot be read in the shape of every error', async () => {
    const { api } = await serve()
    const answer = await fetch(`${api.url}/%`)
    assert.equal(answer.status, 400)
    assert.equal(((await answer.json()) as { code: string }).code, 'E703')
    await api.stop()
  })

  it('without a token, only requests addressed to this machine, so that a rebound name gets nothing', async () => {
    const { api, logged } = await serve({ allowedHosts: ['hub.local'] })
    const port = new URL(api.url).port
    const status = `${api.url}/api/status`
    for (const host of [
      `localhost:${port}`,
      '127.0.0.1',
      `[::1]:${port}`,
      'LOCALHOST',
      `hub.local:${port}`,
      '127.9.9.9',
    ]) {
      assert.equal(await ask(status, { host }), 200, host)
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil',
      '[::1]evil.example',
      '10.0.0.1',
    ]) {
      assert.equal(await ask(status, { host }), 403, host)
    }
    assert.equal(logged.filter((line) => line['event'] === 'api.refused').length, 6)
    await api.stop()
  })

  it('without a token, no page of another site', async () => {
    const { api } = await serve()
    const own = new URL(api.url)
    const status = `${api.url}/api/status`
    assert.equal(await ask(status, { host: own.host, origin: own.origin }), 200)
    assert.equal(await ask(status, { host: own.host, origin: 'https://evil.example' }), 403)
    assert.equal(await ask(status, { host: own.host, origin: 'null' }), 403)
    await api.stop()
  })

  it('takes no POST that a page could send across sites unasked', async () => {
    const { api, hub } = await serve()
    const discard = `${api.url}/api/dead-letters/discard`
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      assert.equal(await ask(discard, { 'content-type': type }, 'POST'), 400, type)
    }
    assert.equal(await ask(`${api.url}/api/connectors/lake/pause`, {}, 'POST'), 400)
    assert.deepEqual(hub.calls, [])
    await api.stop()
  })

  it('with a token, whoever brings it, under any name', async () => {
    const { api, hub } = await serve({ token: 'right' })
    const status = `${api.url}/api/status`
    assert.equal(await ask(status, { authorization: 'Bearer right', host: 'hub.example' }), 200)
    assert.equal(await ask(status, { authorization: 'bearer right' }), 200)
    for (const authorization of ['Bearer wrong', 'Bearer righ', 'Bearer rightt', 'Bearer ', 'Basic right', 'right']) {
      assert.equal(await ask(status, { authorization }), 401, authorization)
    }
    assert.equal(await ask(status, {}), 401)
    assert.equal(await ask(`${api.url}/metrics`, {}), 401)
    assert.equal(await ask(`${api.url}/health`, {}), 200)

    hub.reasons = ['connector lake is starting']
    const closed = await fetch(`${api.url}/ready`)
    assert.deepEqual(await closed.json(), { ready: false, reasons: [] })
    const open = await fetch(`${api.url}/ready`, { headers: { authorization: 'Bearer right' } })
    assert.deepEqual(await open.json(), { ready: false, reasons: ['connector lake is starting'] })
    await api.stop()
  })
})
