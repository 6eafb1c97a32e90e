import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  protocolErrors,
  TimeoutError,
} from '@platformatic/kafka'
import { TrestleError } from 'trestle/contract'
import { fromKafkaCode, fromThrown, meaningOf } from '../../../connectors/kafka/errors.ts'

const system = (code: string, message: string): Error => Object.assign(new Error(message), { code })

test('finds what lies behind the errors of the library', () => {
  const cases: [unknown, string, RegExp][] = [
    [
      new NetworkError('failed', { cause: system('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1') }),
      'E601',
      /^here: connect ECONNREFUSED/,
    ],
    [new NetworkError('failed', { cause: new AuthenticationError('SASL authentication failed.') }), 'E602', /SASL/],
    [
      new MultipleErrors('many', [new NetworkError('x', { cause: new ProtocolError(58, 'bad password') })]),
      'E602',
      /bad password \(SASL_AUTHENTICATION_FAILED\)/,
    ],
    [
      new NetworkError('failed', { cause: system('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate') }),
      'E601',
      /self-signed/,
    ],
    [new TimeoutError('Request timed out'), 'E601', /timed out/],
    [system('ENOENT', 'no such file'), 'E104', /no such file/],
    [new Error('unheard of'), 'E608', /unheard of/],
    ['a text', 'E608', /a text/],
  ]
  for (const [thrown, code, words] of cases) {
    const error = fromThrown(thrown, 'here')
    assert.equal(error.code, code, String(thrown))
    assert.match(error.message, words)
  }
  const own = new TrestleError('E604', 'mine')
  assert.equal(fromThrown(own, 'here'), own)
})

test('A5: every code Kafka knows has a meaning and words', () => {
  for (const { code, id } of Object.values(protocolErrors)) {
    assert.ok(meaningOf(code).code.startsWith('E6'))
    if (code !== 0) assert.match(fromKafkaCode(code, null, 'a-0').message, new RegExp(`^a-0: .*\\(${id}\\)$`, 's'))
  }
})
