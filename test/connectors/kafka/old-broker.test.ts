import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { connectorContext } from '../../support/delivery.ts'

/** Answers ApiVersions as a broker of long ago: Produce up to 3, Metadata up to 5, and no more. */
function answerVersions(request: Buffer): Buffer {
  const apis = [
    [0, 0, 3],
    [3, 0, 5],
    [18, 0, 3],
  ] as const
  const answer = Buffer.alloc(4 + 4 + 2 + 1 + apis.length * 7 + 5)
  answer.writeInt32BE(answer.length - 4, 0)
  answer.writeInt32BE(request.readInt32BE(8), 4)
  answer[10] = apis.length + 1
  for (const [at, [key, lowest, highest]] of apis.entries()) {
    answer.writeInt16BE(key, 11 + at * 7)
    answer.writeInt16BE(lowest, 13 + at * 7)
    answer.writeInt16BE(highest, 15 + at * 7)
  }
  return answer
}

test('a broker that is too old ends the attempts with E611, which request it lacks, and what is needed', async () => {
  const server = createServer((socket) => {
    socket.on('error', (error) => assert.match(error.message, /ECONNRESET|EPIPE/))
    socket.on('data', (bytes) => socket.write(answerVersions(bytes)))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const sink = new KafkaSink(kafkaOptions({ brokers: [place] }), connectorContext('/none'))
  await assert.rejects(sink.open(), (error: Error & { code: string; retry: string; detail: { advice: string } }) => {
    assert.deepEqual([error.code, error.retry], ['E611', 'never'])
    assert.match(error.message, /metadata request/)
    assert.match(error.detail.advice, /2\.8/)
    return true
  })
  await sink.close()
  server.close()
})
