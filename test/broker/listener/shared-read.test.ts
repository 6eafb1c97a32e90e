import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { Broker } from '../../../src/broker/broker.ts'
import { readShared, sharedReadBuffer } from '../../../src/broker/listener/shared-read.ts'
import { RawClient } from '../raw-client.ts'

async function accepted(): Promise<{ socket: Socket; client: Socket; end(): void }> {
  const server = createServer({ pauseOnConnect: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const arrives = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const client = connect((server.address() as { port: number }).port, '127.0.0.1')
  const socket = await arrives
  const end = () => {
    client.destroy()
    socket.destroy()
    server.close()
  }
  return { socket, client, end }
}

test('an accepted socket of this Node reads into the shared buffer, and can rest and go on', async () => {
  const { socket, client, end } = await accepted()
  let got: string = ''
  const heard = () => got
  const reading = readShared(socket, function (this: never, size: number, buffer: Buffer) {
    assert.equal(buffer, sharedReadBuffer)
    got += buffer.toString('latin1', 0, size)
    return true
  })
  assert.equal(reading, true)
  const ended = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  client.write('one ')
  while (got !== 'one ') await new Promise((resolve) => setTimeout(resolve, 5))
  socket.pause()
  client.write('two')
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.equal(got, 'one ')
  socket.resume()
  while (heard() !== 'one two') await new Promise((resolve) => setTimeout(resolve, 5))
  client.end()
  await ended
  end()
})

test('a socket without the inner names is left as it is', async () => {
  const { socket, end } = await accepted()
  const stranger = { _handle: null } as unknown as Socket
  assert.equal(
    readShared(stranger, () => true),
    false,
  )
  assert.equal(
    readShared({ _handle: { useUserBuffer() {}, reading: true } } as unknown as Socket, () => true),
    false,
  )
  socket.resume()
  end()
})

test("the broker serves by 'data' events where the buffer cannot be shared", async () => {
  const broker = new Broker({ sharesReadBuffer: false })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const client = await RawClient.connect(port, 4)
  await client.subscribe('plain/#', 1)
  for (let i = 0; i < 200; i++)
    client.publish({ topic: 'plain/x', qos: (i % 2) as 0 | 1, packetId: i, payload: Buffer.alloc(i * 30, 'a') })
  for (let i = 0; i < 200; i++) assert.equal((await client.next('publish')).payload.length, i * 30)
  await broker.stop()
})
