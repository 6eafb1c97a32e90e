import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeepAlive } from '../../../connectors/mqtt/keep-alive.ts'

test('a sign of life that lies in the socket while the thread was busy counts; silence does not', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [[Socket], unknown]
  let pings = 0
  let isAnswered = true
  const givenUp: number[] = []
  const keepAlive = new KeepAlive({
    halfMs: 60,
    ping: () => {
      pings++
      if (!isAnswered) return
      // It has left when `write` returns; then the thread is busy for longer than anybody waits, and timers are next.
      setImmediate(() => {
        peer.write('here')
        for (const untilMs = performance.now() + 150; performance.now() < untilMs; );
      })
    },
    giveUp: (silentMs) => givenUp.push(silentMs),
  })
  socket.on('data', () => keepAlive.heard())
  try {
    while (pings < 3) await sleep(10)
    await sleep(20)
    assert.deepEqual(givenUp, [])
    isAnswered = false
    await sleep(400)
    assert.ok(givenUp.length > 0)
  } finally {
    keepAlive.stop()
    socket.destroy()
    peer.destroy()
    server.close()
  }
})
