import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { errors, type Msg } from '@nats-io/transport-node'
import { TrestleError } from 'trestle/contract'
import { fromApiError, fromThrown, meanings } from '../../../connectors/nats/errors.ts'
import { AckReader, numberAfter, outOfTurn, Stored } from '../../../connectors/nats/publish-ack.ts'

describe('Errors of NATS', () => {
  test('what JetStream answers has its class, its number and the words of the server', () => {
    const cases: [number: number, code: string, retry: string][] = [
      [10054, 'E605', 'never'],
      [10059, 'E604', 'later'],
      [10077, 'E607', 'later'],
      [10071, 'E606', 'never'],
      [10039, 'E603', 'later'],
      [10014, 'E604', 'reconnect'],
    ]
    for (const [number, code, retry] of cases) {
      const error = fromApiError({ code: 400, err_code: number, description: 'so it says' }, 'here')
      assert.deepEqual([error.code, error.retry], [code, retry])
      assert.equal(error.message, `here: so it says (${number})`)
      assert.ok(error.detail.advice)
    }
  })

  test('a number that is not in the table goes by its status', () => {
    assert.equal(fromApiError({ code: 404, err_code: 99999 }, 'x').code, 'E604')
    assert.equal(fromApiError({ code: 400, err_code: 99999 }, 'x').code, 'E606')
    assert.equal(fromApiError({ code: 503, err_code: 99999 }, 'x').code, 'E607')
    assert.equal(fromApiError({}, 'x').code, 'E607')
  })

  test('nothing that a server answers to a setting makes a dead letter of a message', () => {
    for (const [number, { code, retry }] of Object.entries(meanings)) {
      if (code === 'E104') assert.equal(retry, 'later', number)
    }
  })

  test('what the library or Node throws has its class, by its kind, its code or its words', () => {
    const withCode = (code: string): Error => Object.assign(new Error(`it is ${code}`), { code })
    const cases: [thrown: unknown, code: string][] = [
      [new errors.AuthorizationError("'Authorization Violation'"), 'E602'],
      [new errors.UserAuthenticationExpiredError('user authentication expired'), 'E602'],
      [new errors.PermissionViolationError('no', 'publish', 'a.b'), 'E603'],
      [new errors.ConnectionError('connection refused', { cause: withCode('ECONNREFUSED') }), 'E601'],
      [new errors.TimeoutError(), 'E601'],
      [new errors.RequestError('', { cause: new errors.NoRespondersError('s') }), 'E604'],
      [withCode('CERT_HAS_EXPIRED'), 'E601'],
      [withCode('ENOENT'), 'E104'],
      [new Error("'payload' max_payload size exceeded"), 'E605'],
      [new Error('unable to parse credentials'), 'E602'],
      [new Error('who knows'), 'E608'],
      ['a text', 'E608'],
    ]
    for (const [thrown, code] of cases) assert.equal(fromThrown(thrown, 'here').code, code, String(thrown))
    const own = new TrestleError('E607', 'mine')
    assert.equal(fromThrown(own, 'here'), own)
  })
})

describe('The answer to a publish', () => {
  const answer = (text: string, code?: number): Msg =>
    ({ data: Buffer.from(text), headers: code === undefined ? undefined : { code } }) as unknown as Msg
  const reader = new AckReader()
  const read = (text: string, code?: number): Stored | TrestleError => reader.read(answer(text, code), 'a.b')

  test('says where the message is, also when it was there already', () => {
    const cases: [text: string, place: string][] = [
      ['{"stream":"S","seq":1}', 'S@1'],
      ['{"stream":"S", "seq":9007199254740991}', 'S@9007199254740991'],
      ['{"stream":"T1","seq":12,"duplicate": true}', 'T1@12'],
      ['{"stream":"S","domain":"hub","seq":7}', 'S@7'],
      ['{"stream":"S","seq":3,"domain":"d2"}', 'S@3'],
    ]
    for (const [text, place] of cases) {
      const stored = read(text)
      assert.ok(stored instanceof Stored, text)
      assert.equal(stored.place, place)
    }
  })

  test('tells by the end of its subject what it answers', () => {
    const raw = (subject: string): Msg => ({ _msg: { subject: Buffer.from(subject) }, subject }) as unknown as Msg
    for (const [subject, number] of [
      ['in.box.0', 0],
      ['in.box.90210', 90210],
      ['in.box.9x', Number.NaN],
    ] as const) {
      assert.equal(numberAfter(raw(subject), 7), number)
      assert.equal(numberAfter({ subject } as Msg, 7), number)
    }
  })

  test('may be an error, an answer of a stranger, or the word that nobody listens', () => {
    const error = (text: string, code?: number): TrestleError => {
      const got = read(text, code)
      assert.ok(got instanceof TrestleError, text)
      return got
    }
    assert.equal(error('{"error":{"code":400,"err_code":10054,"description":"x"},"stream":"S","seq":0}').code, 'E605')
    assert.equal(error('{"error":{"code":400,"err_code":10070,"description":"x"},"stream":"S","seq":0}'), outOfTurn)
    assert.equal(error('', 503).code, 'E604')
    assert.equal(error('hello').code, 'E604')
    assert.equal(error('{"x":1}').code, 'E604')
    assert.equal(error('').code, 'E608')
    assert.equal(error('{"stream":"S","seq":0}').code, 'E604')
  })
})
