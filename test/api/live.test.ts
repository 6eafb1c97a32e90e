import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { it } from 'node:test'
import { serve, until } from './fake-hub.ts'

const subscribe = (url: string, filter: string, signal?: AbortSignal) =>
  fetch(`${url}/api/subscribe?filter=${encodeURIComponent(filter)}`, signal === undefined ? {} : { signal })

/** Reads the stream until it holds `marker`. */
async function readTo(reader: ReadableStreamDefaultReader<Uint8Array>, marker: string): Promise<string> {
  let text = ''
  while (!text.includes(marker)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the stream ended before '${marker}': ${text}`)
    text += Buffer.from(value).toString()
  }
  return text
}

it('D3: live messages arrive as server-sent events, and the subscription ends with the reader', async () => {
  const { api, hub } = await serve()
  const leave = new AbortController()
  const response = await subscribe(api.url, 'plants/#', leave.signal)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body!.getReader()
  await readTo(reader, 'event: subscribed')
  hub.send('plants/#', 'plants/oslo', Buffer.from('21'))
  hub.send('plants/#', 'plants/oslo', Buffer.from([0, 255]))
  const text = await readTo(reader, 'AP8=')
  const messages = [...text.matchAll(/^event: message\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data!))
  assert.deepEqual(
    messages.map((message) => [message.topic, message.payloadText, message.payloadBase64]),
    [
      ['plants/oslo', '21', 'MjE='],
      ['plants/oslo', null, 'AP8='],
    ],
  )
  leave.abort()
  await until(() => hub.subscribers.size === 0, 'the hub to forget the subscriber')
  await api.stop()
})

it('a filter that is not valid is refused before anything is sent', async () => {
  const { api } = await serve()
  const response = await subscribe(api.url, 'a/##')
  assert.equal(response.status, 400)
  assert.equal(((await response.json()) as { code: string }).code, 'E405')
  await api.stop()
})

it('more subscribers than the limit are refused', async () => {
  const { api } = await serve({ maxSubscribers: 1 })
  const first = await subscribe(api.url, 'a')
  const second = await subscribe(api.url, 'b')
  assert.equal(second.status, 429)
  await first.body!.cancel()
  await api.stop()
})

it('a subscriber that reads too slowly is cut off and counted, and costs no more than its limit', async () => {
  const { api, hub, logged } = await serve({ maxSubscriberBytes: 200_000 })
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(`GET /api/subscribe?filter=a HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  await until(() => hub.subscribers.size === 1, 'the subscription')
  socket.pause()
  const payload = Buffer.alloc(10_000, 'x')
  let sent = 0
  while (hub.subscribers.size === 1 && sent < 5000) {
    hub.send('a', 'a', payload)
    if (++sent % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(sent < 5000, 'it is cut off')
  assert.deepEqual(
    logged.filter((line) => line['event'] === 'api.subscriber-too-slow').map((line) => line['filter']),
    ['a'],
  )
  const metrics = await (await fetch(`${api.url}/metrics`)).text()
  assert.match(metrics, /^trestle_api_slow_total 1$/m)
  socket.destroy()
  await api.stop()
})

it('a client that stalls in the middle of a request does not keep the API from stopping', async () => {
  const { api } = await serve()
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(
    `POST /api/publish HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
  )
  await until(() => socket.bytesWritten > 0, 'the half of a request to be sent')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const startMs = Date.now()
  await api.stop()
  assert.ok(Date.now() - startMs < 5000)
  socket.destroy()
})

it('stopping the API tells live subscribers and ends them', async () => {
  const { api, hub } = await serve()
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(`GET /api/subscribe?filter=a HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  await until(() => hub.subscribers.size === 1, 'the subscription')
  hub.send('a', 'a', Buffer.from('last'))
  const closed = once(socket, 'close')
  await api.stop()
  socket.end()
  await closed
  assert.match(text, /"payloadText":"last"/)
  assert.match(text, /event: end\ndata: {"reason":"hub is shutting down"}/)
})
