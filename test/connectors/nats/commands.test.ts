import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NatsConnection } from '@nats-io/transport-node'
import { CommandWriter } from '../../../connectors/nats/commands.ts'

/** A connection that keeps what it is handed. */
const withDoor = (): { written: Uint8Array[]; connection: NatsConnection } => {
  const written: Uint8Array[] = []
  const protocol = { sendCommand: (bytes: Uint8Array) => void written.push(bytes) }
  return { written, connection: { protocol } as unknown as NatsConnection }
}

const block = 'NATS/1.0\r\na: b\r\n\r\n'

test('commands are written as the protocol has them, many into one buffer', () => {
  const { written, connection } = withDoor()
  const writer = new CommandWriter(connection)
  writer.message('a.é', 'in.1', block, Buffer.from('xyz'))
  writer.message('b', null, block, new Uint8Array(0))
  writer.word('$JS.ACK.x', '+ACK')
  writer.send()
  writer.send()
  assert.equal(written.length, 1)
  assert.equal(
    Buffer.from(written[0]!).toString(),
    `HPUB a.é in.1 18 21\r\n${block}xyz\r\nHPUB b 18 18\r\n${block}\r\nPUB $JS.ACK.x 4\r\n+ACK\r\n`,
  )
})

test('what does not fit any more goes first, and nothing that was handed over is written upon', () => {
  const { written, connection } = withDoor()
  const writer = new CommandWriter(connection)
  const payloads = [100_000, 200_000, 10, 2_000_000, 10].map((size, at) => Buffer.alloc(size, 0x61 + at))
  for (const payload of payloads) {
    writer.message('s', null, block, payload)
    writer.send()
  }
  const text = Buffer.concat(written).toString('latin1')
  const wanted = payloads.map(
    (payload) => `HPUB s 18 ${18 + payload.length}\r\n${block}${payload.toString('latin1')}\r\n`,
  )
  assert.equal(text, wanted.join(''))
})

test('where the library has no door for finished commands, its own publish is used', () => {
  const published: [subject: string, payload: string, reply: string | undefined, headers: string][] = []
  const connection = {
    publish(
      subject: string,
      payload: Uint8Array | string,
      options: { reply?: string; headers?: { encode(): Uint8Array } } = {},
    ) {
      const headers = options.headers === undefined ? '' : Buffer.from(options.headers.encode()).toString()
      published.push([subject, Buffer.from(payload as Uint8Array).toString(), options.reply, headers])
    },
  }
  const writer = new CommandWriter(connection as unknown as NatsConnection)
  writer.message('a', 'in.1', block, Buffer.from('x'))
  writer.message('b', null, block, Buffer.from('y'))
  writer.word('c', '+ACK')
  writer.send()
  writer.reuse()
  assert.deepEqual(published, [
    ['a', 'x', 'in.1', block],
    ['b', 'y', undefined, block],
    ['c', '+ACK', undefined, ''],
  ])
})
