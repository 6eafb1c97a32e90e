import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromNetwork, type KnownFaults, networkFaults, TrestleError } from 'trestle/contract'

const known: KnownFaults = { ...networkFaults('broker'), EPROTO: ['E608', 'check the port'] }
const thrownBy = (code: string, message = 'its words') => Object.assign(new Error(message), { code })

test("an error of Node keeps its words and is told with the place and the table's advice", () => {
  const cause = thrownBy('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:9')
  const error = fromNetwork(cause, 'far:9', known)
  assert.deepEqual([error.code, error.message], ['E601', 'far:9: connect ECONNREFUSED 127.0.0.1:9'])
  assert.deepEqual(error.detail, { place: 'far:9', advice: 'start the broker, or check the port' })
  assert.equal(error.cause, cause)
})

test('a connector says what it knows better, and what nobody knows is a lost connection without advice', () => {
  assert.equal(fromNetwork(thrownBy('EPROTO'), 'far', known).code, 'E608')
  assert.deepEqual(fromNetwork(thrownBy('EODD'), 'far', known).detail, { place: 'far' })
  for (const thrown of ['text', undefined, null]) assert.equal(fromNetwork(thrown, 'far', known).code, 'E601')
})

test('of several addresses that were tried the first tells', () => {
  const several = new AggregateError([thrownBy('ECONNREFUSED', 'first'), thrownBy('ENETUNREACH', 'second')])
  assert.equal(fromNetwork(several, 'far', known).message, 'far: first')
})

test('what is a TrestleError already stays as it is', () => {
  const error = new TrestleError('E604', 'no such topic')
  assert.equal(fromNetwork(error, 'far', known), error)
})
