import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { TrestleError } from 'trestle/contract'
import { need, type PulsarServer, startPulsar } from '../../services/index.ts'
import { makeTopic, openSource } from './source-bench.ts'

const skip = await need('pulsar')

/** Opens a source that is to be refused. */
async function refused(server: { url: string }, fields: object, token: string): Promise<TrestleError> {
  const options = { auth: { type: 'token', token }, request_timeout_ms: 5000 }
  try {
    const open = await openSource(server, { topics: ['there'], ...fields }, 'stored', { options })
    await open.close()
  } catch (error) {
    assert.ok(error instanceof TrestleError)
    assert.doesNotMatch(JSON.stringify([error, error.message]), new RegExp(token.slice(-20)), 'no secret in it')
    return error
  }
  return assert.fail('it was not refused')
}

describe('A source that Pulsar refuses says why, in its words, and what to do', { skip }, () => {
  let server: PulsarServer
  before(async () => {
    server = await startPulsar({ tokens: true, properties: { allowAutoTopicCreation: false } })
    await makeTopic(server, 'there')
  })
  after(() => server?.stop())

  test('A5: for wrong and for expired credentials', async () => {
    for (const token of [`${server.token('admin')}x`, server.token('admin', -60)]) {
      const error = await refused(server, {}, token)
      assert.deepEqual([error.code, error.retry], ['E602', 'reconnect'])
      assert.match(String(error.detail.advice), /auth/)
    }
  })

  test('A5: for a permission that is missing, until it is granted', async () => {
    const error = await refused(server, {}, server.token('reader'))
    assert.equal(error.code, 'E603')
    assert.match(String(error.detail.advice), /grant/)
    await server.admin('/namespaces/public/default/permissions/reader', 'POST', ['consume'])
    const options = { auth: { type: 'token', token: server.token('reader') } }
    const open = await openSource(server, { topics: ['there'] }, 'stored', { options })
    await open.close()
  })

  test('A5: for a topic that is missing, until it is made', async () => {
    const token = server.token('admin')
    const error = await refused(server, { topics: ['not-there'] }, token)
    assert.deepEqual([error.code, error.retry], ['E604', 'later'])
    assert.match(error.message, /not-there/)
    await makeTopic(server, 'not-there')
    const open = await openSource(server, { topics: ['not-there'] }, 'stored', {
      options: { auth: { type: 'token', token } },
    })
    await open.close()
  })

  test('for names that are none', async () => {
    const error = await refused(server, { topics: ['a/b'] }, server.token('admin'))
    assert.deepEqual([error.code, error.retry], ['E606', 'never'])
  })
})
