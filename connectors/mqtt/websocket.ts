import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Address, Transport } from './transport.ts'

/*
 * MQTT over WebSocket, the client's side. A frame:
 *
 *     byte 1 | FIN | 0 0 0 | opcode (4)           0 more, 2 binary, 8 close, 9 ping, 10 pong
 *     byte 2 | MASK | length (7)                  126: two bytes of length follow, 127: eight
 *     mask (4, from clients only) | payload
 *
 * MQTT packets need not be aligned with frames [MQTT-6.0.0-2]; each write is one frame. Source: RFC 6455 §5.2.
 */

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const maxHeadBytes = 16_384
const maxControlBytes = 125
/** Beyond what MQTT can fill with one packet. */
const maxFrameBytes = 2 ** 28 + 5
const Opcode = { More: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const

/** Shakes hands over an open socket. *Errors*: an Error with the server's own status line. */
export async function openWebSocket(socket: Socket, address: Address, timeoutMs: number): Promise<Transport> {
  const key = randomBytes(16).toString('base64')
  const host = address.place.replace(address.secure ? /:443$/ : /:80$/, '')
  const lines = [`GET ${address.path} HTTP/1.1`, `Host: ${host}`, 'Upgrade: websocket', 'Connection: Upgrade']
  lines.push(`Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: mqtt', '', '')
  socket.write(lines.join('\r\n'))
  const { head, rest } = await readHead(socket, address.place, timeoutMs)
  const wrong = faultOf(head, key)
  if (wrong !== null) {
    socket.destroy()
    throw new Error(`${address.place}${address.path}: ${wrong}`)
  }
  return new WebSocketTransport(socket, rest)
}

function faultOf(head: string, key: string): string | null {
  const [status = ''] = head.split('\r\n', 1)
  if (!/^HTTP\/1\.1 101\b/.test(status)) return `the server refused the WebSocket: ${status}`
  const accept = /^sec-websocket-accept:[ \t]*(.*?)[ \t]*$/im.exec(head)?.[1]
  const expected = createHash('sha1')
    .update(key + guid)
    .digest('base64')
  if (accept !== expected) return 'the server answered the WebSocket handshake wrongly'
  const protocol = /^sec-websocket-protocol:[ \t]*(.*?)[ \t]*$/im.exec(head)?.[1]
  return protocol === undefined || protocol === 'mqtt' ? null : `the server speaks ${protocol} there, not mqtt`
}

function readHead(socket: Socket, place: string, timeoutMs: number): Promise<{ head: string; rest: Buffer }> {
  return new Promise((settle, fail) => {
    let have: Buffer = Buffer.alloc(0)
    const finish = (): void => {
      clearTimeout(timer)
      socket.off('data', take)
      socket.off('error', stop)
      socket.off('close', closed)
    }
    const stop = (error: Error): void => {
      finish()
      socket.destroy()
      fail(error)
    }
    const closed = (): void => stop(new Error(`${place} closed the connection in the WebSocket handshake`))
    const take = (chunk: Buffer): void => {
      have = Buffer.concat([have, chunk])
      const end = have.indexOf('\r\n\r\n')
      if (end < 0) {
        if (have.length > maxHeadBytes) stop(new Error(`${place} does not speak HTTP`))
        return
      }
      finish()
      socket.pause()
      settle({ head: have.toString('latin1', 0, end), rest: have.subarray(end + 4) })
    }
    const timer = setTimeout(
      () => stop(new Error(`${place} did not answer the WebSocket handshake within ${timeoutMs} ms`)),
      timeoutMs,
    )
    socket.on('data', take)
    socket.once('error', stop)
    socket.once('close', closed)
  })
}

class WebSocketTransport implements Transport {
  onData: (chunk: Buffer) => void = () => {}
  onClosed: (error: Error | null) => void = () => {}
  readonly #socket: Socket
  #have: Buffer
  #error: Error | null = null

  constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket
    this.#have = rest
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.onClosed(this.#error))
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.resume()
  }

  write(bytes: Buffer, done?: (error?: Error | null) => void): void {
    this.#socket.write(frame(Opcode.Binary, bytes), done)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    // 1000: normal closure.
    this.#socket.end(frame(Opcode.Close, Buffer.from([0x03, 0xe8])))
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#have = this.#have.length === 0 ? chunk : Buffer.concat([this.#have, chunk])
    for (;;) {
      const size = this.#one(this.#have)
      if (size === 0) return
      this.#have = this.#have.subarray(size)
    }
  }

  /** Deals with the frame at the front; gives its size, 0 while it is not all there. */
  #one(have: Buffer): number {
    if (have.length < 2) return 0
    const opcode = have[0]! & 0x0f
    const short = have[1]! & 0x7f
    const at = short === 126 ? 4 : short === 127 ? 10 : 2
    if (have.length < at) return 0
    const size = short === 126 ? have.readUInt16BE(2) : short === 127 ? Number(have.readBigUInt64BE(2)) : short
    const masked = (have[1]! & 0x80) !== 0
    if ((have[0]! & 0x70) !== 0 || masked || size > (opcode >= Opcode.Close ? maxControlBytes : maxFrameBytes)) {
      this.#socket.destroy(new Error('the server broke the rules of WebSocket (RFC 6455 §5)'))
      return 0
    }
    if (have.length < at + size) return 0
    const payload = have.subarray(at, at + size)
    if (opcode === Opcode.Binary || opcode === Opcode.More) this.onData(payload)
    else if (opcode === Opcode.Ping) this.#socket.write(frame(Opcode.Pong, payload))
    else if (opcode === Opcode.Close) this.#socket.end(frame(Opcode.Close, payload.subarray(0, 2)))
    else if (opcode === Opcode.Text) this.#socket.destroy(new Error('the server sent text where MQTT wants binary'))
    return at + size
  }
}

/** A whole frame, masked as a client must. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const at = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const out = Buffer.allocUnsafe(at + 4 + length)
  out[0] = 0x80 | opcode
  out[1] = 0x80 | (at === 2 ? length : at === 4 ? 126 : 127)
  if (at === 4) out.writeUInt16BE(length, 2)
  else if (at === 10) out.writeBigUInt64BE(BigInt(length), 2)
  const mask = randomBytes(4)
  out.set(mask, at)
  const begin = at + 4
  for (let place = 0; place < length; place++) out[begin + place] = payload[place]! ^ mask[place & 3]!
  return out
}
