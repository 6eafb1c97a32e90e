import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TrestleError } from 'trestle/contract'
import { asLater, fromThrown, meanings } from '../../../connectors/pulsar/errors.ts'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarFault, serverErrors } from '../../../connectors/pulsar/protocol/fault.ts'

describe('The faults of Pulsar', () => {
  test('A5: have a class each, in the broker’s own words with what to do', () => {
    serverErrors.forEach((name, code) => {
      const error = fromThrown(PulsarFault.fromServer(code, 'its words', 'host:1'), 'orders')
      assert.equal(error.code, meanings[name].code)
      assert.equal(error.retry, meanings[name].retry)
      assert.match(error.message, new RegExp(`^orders: its words \\(${name}\\)$`))
      assert.equal(error.detail['broker'], 'host:1')
    })
    assert.equal(fromThrown(PulsarFault.fromServer(3, '', ''), 'x').code, 'E602')
    assert.equal(fromThrown(PulsarFault.fromServer(4, '', ''), 'x').retry, 'later')
    assert.equal(fromThrown(PulsarFault.fromServer(999, 'new', ''), 'x').code, 'E607')
  })

  test('that Node has on the way to a broker say what to do, and its other errors are not taken for them', () => {
    const lost = fromThrown(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), 'pulsar://far')
    assert.deepEqual([lost.code, lost.detail.advice], ['E601', 'check the host name'])
    assert.equal(fromThrown(Object.assign(new Error('no file'), { code: 'ENOENT' }), 'x').code, 'E608')
  })

  test('tell a message that is too large from all else that is not allowed', () => {
    const large = fromThrown(PulsarFault.fromServer(22, 'Exceed maximum message size', ''), 'orders')
    assert.deepEqual([large.code, large.retry], ['E605', 'never'])
    const other = fromThrown(PulsarFault.fromServer(22, 'Topic is a shadow', ''), 'orders')
    assert.deepEqual([other.code, other.retry], ['E606', 'never'])
    assert.equal(asLater(other).retry, 'later')
    assert.equal(asLater(large).retry, 'never')
  })

  test('of the network say what to look at', () => {
    const fault = (code: string, message = code): PulsarFault =>
      new PulsarFault('network', 'host:1', message, { cause: Object.assign(new Error(message), { code }) })
    assert.match(fromThrown(fault('ECONNREFUSED'), 'x').detail.advice!, /port/)
    assert.match(fromThrown(fault('ERR_TLS_CERT_ALTNAME_INVALID'), 'x').detail.advice!, /verify_host/)
    assert.equal(fromThrown(fault('', 'tlsv13 alert certificate required'), 'x').code, 'E602')
    assert.equal(fromThrown(new PulsarFault('timeout', 'host:1', 'late'), 'x').retry, 'reconnect')
    const own = new TrestleError('E604', 'mine')
    assert.equal(fromThrown(own, 'x'), own)
    assert.equal(fromThrown('odd', 'x').code, 'E608')
  })
})

describe('The options of a login', () => {
  const servers = ['pulsar://host:6650']
  const codeOf = (auth: object): string => {
    try {
      pulsarOptions({ servers, auth })
      return 'taken'
    } catch (thrown) {
      return (thrown as TrestleError).code
    }
  }
  test('must be complete, and not twice', () => {
    assert.equal(codeOf({ type: 'token' }), 'E105')
    assert.equal(codeOf({ type: 'token', token: 'a', token_file: 'b' }), 'E109')
    assert.equal(codeOf({ type: 'token', token_file: 'b' }), 'taken')
    assert.equal(codeOf({ type: 'basic', username: 'a' }), 'E105')
    assert.equal(codeOf({ type: 'oauth2', issuer_url: 'https://x', client_id: 'a' }), 'E105')
    assert.equal(codeOf({ type: 'tls' }), 'taken')
  })
})
