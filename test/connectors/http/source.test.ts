import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request as plainRequest } from 'node:http'
import { Agent as HttpsAgent, request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { TrestleError } from 'trestle/contract'
import { httpOptions, httpSourceOptions } from '../../../connectors/http/options.ts'
import { PathTemplate } from '../../../connectors/http/path.ts'
import { HttpSink } from '../../../connectors/http/sink.ts'
import { HttpSource } from '../../../connectors/http/source.ts'
import { splitBody } from '../../../connectors/http/split.ts'
import { freePorts, makeCertificate } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'

const run = promisify(execFile)

/** Runs sources at one socket. */
async function listening(
  listen: object,
  sources: readonly object[],
  work: (url: string, intake: HeldIntake, all: readonly HttpSource[]) => Promise<void>,
): Promise<void> {
  const [port] = (await freePorts(1)) as [number]
  const address = `127.0.0.1:${port}`
  const context = connectorContext(`/none/${randomUUID()}`)
  const intake = new HeldIntake()
  const all = sources.map(
    (source) =>
      new HttpSource(
        httpOptions({ listen: { address, ...listen } }),
        httpSourceOptions({ path: '/in/{device}', publish: 'in/${path.device}', ...source }),
        context,
      ),
  )
  try {
    for (const source of all) await source.open(intake)
    await work(`http://${address}`, intake, all)
  } finally {
    for (const source of all) await source.close()
  }
}

const post = (
  url: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<Response> => fetch(url, { method, headers, ...(method === 'GET' ? {} : { body }) })

const errorOf = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { error: { code: string } }).error.code

describe('HTTP as a source', () => {
  test('A9: answers 2xx only when the hub has the message', () =>
    listening({}, [{}], async (url, intake) => {
      intake.outcome = null
      let status = 0
      const posting = post(`${url}/in/d1`, 'x').then((answer) => {
        status = answer.status
        return answer
      })
      await until(() => intake.unanswered === 1, 'it came', 10_000)
      await new Promise((done) => setTimeout(done, 100))
      assert.equal(status, 0, 'nothing is answered yet')
      intake.answerAll('stored')
      assert.deepEqual(await (await posting).json(), { accepted: 1 })
      const [message] = intake.taken
      assert.deepEqual([message?.topic, message?.properties?.contentType], ['in/d1', 'text/plain;charset=UTF-8'])
      assert.equal(message?.properties?.user, undefined, 'captures and headers of the transport do not travel')
    }))

  test('A9: what is refused or fails is told with its code', () =>
    listening({}, [{ answer_timeout_ms: 300 }], async (url, intake) => {
      intake.outcome = null
      const take = intake.take.bind(intake)
      const refusal = new TrestleError('E401', 'speed: must be number')
      intake.take = () => Promise.resolve([{ outcome: 'refused', error: refusal, place: null }])
      const refused = await post(`${url}/in/d`, 'x')
      assert.equal(refused.status, 422)
      assert.deepEqual(await refused.json(), { error: { code: 'E401', message: 'speed: must be number' } })
      intake.take = take
      intake.outcome = 'failed'
      const failed = await post(`${url}/in/d`, 'x')
      assert.deepEqual([failed.status, failed.headers.get('retry-after')], [503, '1'])
      intake.outcome = null
      const slow = await post(`${url}/in/d`, 'x')
      assert.deepEqual([slow.status, await errorOf(slow)], [503, 'E607'])
    }))

  test('takes arrays and lines as they are written, whole or not at all', () =>
    listening(
      {},
      [
        { path: '/a', publish: 'a', batch: 'array' },
        { path: '/n', publish: 'n', batch: 'ndjson' },
      ],
      async (url, intake) => {
        const array = await post(`${url}/a`, ' [ {"a": 1.50, "b":"],\\""} , 12345678901234567890,[1,[2]],"x", null ]')
        assert.deepEqual(await array.json(), { accepted: 5 })
        assert.deepEqual(intake.values, ['{"a": 1.50, "b":"],\\""}', '12345678901234567890', '[1,[2]]', '"x"', 'null'])
        assert.deepEqual(await (await post(`${url}/n`, '{"a":1}\r\n\n2\n')).json(), { accepted: 2 })
        assert.deepEqual(intake.values.slice(5), ['{"a":1}', '2'])
        const before = intake.taken.length
        for (const [path, body] of [
          ['a', '{"a":1}'],
          ['a', '[1,'],
          ['n', '{"a":1}\nnot json\n'],
        ] as const) {
          const answer = await post(`${url}/${path}`, body)
          assert.deepEqual([answer.status, await errorOf(answer)], [400, 'E402'], body)
        }
        assert.equal(intake.taken.length, before)
        assert.deepEqual(await (await post(`${url}/a`, '[]')).json(), { accepted: 0 })
        intake.take = (messages) =>
          Promise.resolve(
            messages.map((_, at) => ({
              outcome: at === 1 ? 'refused' : 'stored',
              error: at === 1 ? new TrestleError('E405', 'no topic') : null,
              place: null,
            })),
          )
        const mixed = await post(`${url}/a`, '[1,2,3]')
        const said = (await mixed.json()) as object
        assert.deepEqual(
          [mixed.status, said],
          [
            400,
            {
              error: { code: 'E405', message: 'no topic' },
              accepted: 2,
              refused: [{ index: 1, code: 'E405', message: 'no topic' }],
            },
          ],
        )
      },
    ))

  test('refuses what is too large, elsewhere, of another method or packed', () =>
    listening({}, [{ max_body_bytes: 1000 }], async (url, intake) => {
      const at = `${url}/in/d`
      assert.equal((await post(at, 'x'.repeat(1000))).status, 200)
      assert.equal((await post(at, 'x'.repeat(1001))).status, 413)
      const chunked = await fetch(at, {
        method: 'POST',
        duplex: 'half',
        body: new Blob(['x'.repeat(500), 'x'.repeat(600)]).stream(),
      } as RequestInit)
      assert.equal(chunked.status, 413)
      const get = await post(at, '', {}, 'GET')
      assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST'])
      for (const path of ['/', '/in', '/in/', '/in/a/b', '/in/a%2Fb', '/in/%ff', '/other/d']) {
        assert.equal((await post(url + path, 'x')).status, 404, path)
      }
      assert.equal((await post(at, 'x', { 'content-encoding': 'gzip' })).status, 415)
      assert.equal(intake.taken.length, 1)
    }))

  test('says 503 with Retry-After while it is full or paused', () =>
    listening({}, [{ max_unsettled: 2 }], async (url, intake, [source]) => {
      intake.outcome = null
      const open = [post(`${url}/in/a`, '1'), post(`${url}/in/b`, '2')]
      await until(() => intake.unanswered === 2, 'both came', 10_000)
      const full = await post(`${url}/in/c`, '3')
      assert.deepEqual([full.status, full.headers.get('retry-after'), await errorOf(full)], [503, '1', 'E406'])
      intake.answerAll('stored')
      for (const answer of await Promise.all(open)) assert.equal(answer.status, 200)
      source!.pause()
      assert.equal((await post(`${url}/in/c`, '3')).status, 503)
      source!.resume()
      assert.equal((await post(`${url}/in/c`, '3')).status, 200)
    }))

  test('with a token only who brings it; without one no page of a browser and no other name', async () => {
    await listening({ token: 'long-enough' }, [{}], async (url, intake) => {
      const none = await post(`${url}/in/d`, 'x')
      assert.deepEqual([none.status, none.headers.get('www-authenticate')], [401, 'Bearer'])
      assert.equal((await post(`${url}/in/d`, 'x', { authorization: 'Bearer long-enougH' })).status, 401)
      assert.equal((await post(`${url}/in/d`, 'x', { authorization: 'Bearer long-enough' })).status, 200)
      assert.equal(intake.taken.length, 1)
    })
    await listening({}, [{}], async (url, intake) => {
      assert.equal((await post(`${url}/in/d`, 'x', { origin: 'http://evil.example' })).status, 403)
      const rebound = plainRequest(`${url}/in/d`, { method: 'POST', headers: { host: 'evil.example' } }).end('x')
      const [response] = (await once(rebound, 'response')) as [{ statusCode: number; resume(): void }]
      response.resume()
      assert.equal(response.statusCode, 403)
      assert.equal(intake.taken.length, 0)
    })
  })

  test('listens on other addresses than loopback only with a token', async () => {
    const open = async (listen: object): Promise<void> => {
      const source = new HttpSource(
        httpOptions({ listen }),
        httpSourceOptions({ path: '/', publish: 'x' }),
        connectorContext(`/none/${randomUUID()}`),
      )
      await source.open(new HeldIntake()).finally(() => source.close())
    }
    await assert.rejects(open({ address: '0.0.0.0:0' }), { code: 'E108' })
    await assert.rejects(open({ address: '192.0.2.1:8090', token: 'long-enough' }), { code: 'E901' })
    await assert.rejects(open({ address: '127.0.0.1:0', cert: '/none' }), { code: 'E109' })
    const bare = new HttpSource(
      httpOptions({}),
      httpSourceOptions({ path: '/', publish: 'x' }),
      connectorContext('/none'),
    )
    await assert.rejects(bare.open(new HeldIntake()), { code: 'E105' })
  })

  test('sources of one connector share the socket, each its path, and give it back with the last', () =>
    listening(
      {},
      [
        { path: '/a/{x}', publish: 'a/${path.x}' },
        { path: '/b/{rest...}', publish: 'b/${path.rest}' },
      ],
      async (url, intake, all) => {
        assert.equal((await post(`${url}/a/1`, 'x')).status, 200)
        assert.equal((await post(`${url}/b/1/%C3%B8/3`, 'y')).status, 200)
        assert.deepEqual(
          intake.taken.map(({ topic }) => topic),
          ['a/1', 'b/1/ø/3'],
        )
        await all[0]!.close()
        assert.equal((await post(`${url}/a/1`, 'x')).status, 404)
        assert.equal((await post(`${url}/b/2`, 'y')).status, 200)
        await all[1]!.close()
        await assert.rejects(post(`${url}/b/2`, 'y'))
        await all[1]!.open(intake)
        assert.equal((await post(`${url}/b/2`, 'y')).status, 200)
      },
    ))

  test('of paths that match, the one with most levels that are no captures takes it', () =>
    listening(
      {},
      [
        { path: '/{rest...}', publish: 'rest' },
        { path: '/a/{x}', publish: 'capture' },
        { path: '/a/b', publish: 'text' },
      ],
      async (url, intake) => {
        for (const path of ['/a/b', '/a/c', '/a/c/d']) assert.equal((await post(url + path, 'x')).status, 200)
        assert.deepEqual(
          intake.taken.map(({ topic }) => topic),
          ['text', 'capture', 'rest'],
        )
      },
    ))

  test('answers who waits when it is closed, and takes nothing after', () =>
    listening({}, [{}], async (url, intake, [source]) => {
      intake.outcome = null
      const waiting = post(`${url}/in/d`, 'x')
      await until(() => intake.unanswered === 1, 'it came', 10_000)
      const closing = source!.close()
      assert.equal((await waiting).status, 503)
      await closing
    }))

  test('stands senders that send no HTTP, half a request or vanish', () =>
    listening({}, [{}], async (url, intake) => {
      const port = Number(new URL(url).port)
      for (const text of [
        '\u0016\u0003\u0001 no http\r\n\r\n',
        'POST /in/d HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf',
      ]) {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        socket.write(text)
        await new Promise((done) => setTimeout(done, 50))
        socket.destroy()
      }
      assert.equal((await post(`${url}/in/d`, 'whole')).status, 200)
      assert.deepEqual(intake.values, ['whole'])
    }))

  test('speaks TLS and can ask for client certificates', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-http-'))
    const { cert, certFile, key, keyFile } = await makeCertificate(folder)
    await listening({ cert: certFile, key: keyFile, ca: certFile }, [{}], async (url, intake) => {
      const ask = async (agent: HttpsAgent): Promise<number> => {
        const request = secureRequest(`${url.replace('http', 'https')}/in/d`, { method: 'POST', agent }).end('x')
        const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }]
        response.resume()
        return response.statusCode
      }
      assert.equal(await ask(new HttpsAgent({ ca: cert, cert, key })), 200)
      await assert.rejects(ask(new HttpsAgent({ ca: cert })))
      assert.equal(intake.taken.length, 1)
    })
    await rm(folder, { recursive: true, force: true })
  })

  test('takes what curl posts', () =>
    listening({}, [{}], async (url, intake) => {
      const { stdout } = await run('curl', [
        '-s',
        '-H',
        'content-type: application/json',
        '-d',
        '{"a":1}',
        `${url}/in/d`,
      ])
      assert.deepEqual(JSON.parse(stdout), { accepted: 1 })
      assert.equal(intake.taken[0]?.properties?.contentType, 'application/json')
    }))

  test('A11: a message of MQTT that one hub posts to another differs only in its hops', () =>
    listening({}, [{ path: '/in', publish: '${mqtt.topic}' }], async (url, intake) => {
      const sink = new HttpSink(httpOptions({ url: `${url}/in` }), connectorContext('/none'))
      await sink.open()
      const bare = deliveries()({ payload: 'plain' })
      const full = deliveries()({
        payload: Uint8Array.from([0, 255, 10, 13]),
        message: {
          topic: 'plants/ø/1',
          client: 'gerät 7',
          qos: 2,
          retain: true,
          timeMs: 1_712_345_678_901,
          properties: {
            payloadFormat: 0,
            contentType: 'text/plain; charset="utf-8", ødd',
            responseTopic: 'answers/1',
            correlationData: Uint8Array.from([0, 200, 34, 44]),
            user: [
              ['a', 'two,  three'],
              ['a', ''],
              ['content-type', 'mine'],
              ['Host', 'forged'],
              ['', 'no name'],
              ['Key*', '%41'],
            ],
          },
        },
      })
      for (const { payload, message, ...rest } of [bare, full]) {
        const [receipt] = await sink.deliver([{ payload, message, ...rest }])
        assert.equal(receipt?.outcome, 'delivered', receipt?.error?.message)
        const back = intake.taken.at(-1)!
        assert.deepEqual(Buffer.from(back.payload), Buffer.from(payload))
        const { client, qos, retain, timeMs, topic } = message
        assert.deepEqual(
          [back.topic, back.client, back.qos, back.retain, back.timeMs],
          [topic, client, qos, retain, timeMs],
        )
        const { correlationData, ...others } = back.properties!
        const { correlationData: sent, ...expected } = message.properties ?? {}
        assert.deepEqual(others, { ...expected, user: [['trestle-hops', 'hub'], ...(expected.user ?? [])] })
        assert.deepEqual([...(correlationData ?? [])], [...(sent ?? [])])
      }
      await sink.close()
    }))

  test('keeps one connection for many requests', () =>
    listening({}, [{}], async (url, intake) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (let at = 0; at < 20; at++) {
        const request = plainRequest(`${url}/in/d`, { method: 'POST', agent }).end(`${at}`)
        const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }]
        response.resume()
        await once(response as never, 'end')
        assert.equal(request.reusedSocket, at > 0)
      }
      assert.equal(intake.taken.length, 20)
      agent.destroy()
    }))

  test('a path or a topic that cannot be read is a fault before it opens', () => {
    for (const path of ['/a{b}', '/{a}/{a}', '/{rest...}/b'])
      assert.throws(() => new PathTemplate(path), { code: 'E104' }, path)
    const make = (publish: string): HttpSource =>
      new HttpSource(httpOptions({}), httpSourceOptions({ path: '/{a}', publish }), connectorContext('/none'))
    assert.throws(() => make('x/${path.b}'), { code: 'E206', message: /no \{b\}/ })
    assert.throws(() => make('x/${nonsense}'), { code: 'E206' })
  })

  test('splits any JSON array where JSON.parse does', () => {
    const arrays = [
      '[]',
      '[ ]',
      '[1]',
      '["a\\\\","b\\"]"]',
      '[{"a":[{}]},[]]',
      '[true,false,\tnull\n]',
      '[-1.5e3 ,"\\u00e9,"]',
    ]
    for (const text of arrays) {
      const parts = splitBody(Buffer.from(text), 'array').map((part) => JSON.parse(Buffer.from(part).toString()))
      assert.deepEqual(parts, JSON.parse(text), text)
    }
  })
})
