/**
 * Controls without a line of ours on the wire: what Mosquitto does by itself, which the fault matrix must not hold against
 * the sink. When one of them fails Mosquitto has become better, and `test/faults/systems/mqtt-witness.ts` can be stricter.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'node:test'
import packets, { type Packet } from 'mqtt-packet'
import { type MosquittoServer, need, startMosquitto, waitFor } from '../../services/index.ts'

const skip = await need('mosquitto')

test('control: after a clean restart Mosquitto sends a PUBLISH again whose PUBREC it had and has answered', {
  skip,
}, async () => {
  const server = await startMosquitto({ persistent: true })
  try {
    const reader = await PlainClient.open(server, 'reader')
    reader.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] })
    await reader.next('suback')
    const writer = await PlainClient.open(server, 'writer')
    writer.send({ cmd: 'publish', topic: 'a', payload: 'once', qos: 2, retain: false, dup: false, messageId: 1 })
    await writer.next('pubrec')
    writer.send({ cmd: 'pubrel', messageId: 1 })
    const { messageId } = await reader.next('publish')
    reader.send({ cmd: 'pubrec', messageId: messageId! })
    await reader.next('pubrel')
    // The PUBCOMP stays away; from here on nothing but PUBREL may come [MQTT-4.3.3-6].
    await server.end()
    await server.start()
    const again = await PlainClient.open(server, 'reader')
    await waitFor('what the session holds', 5000, () => again.packets.some(({ cmd }) => cmd.startsWith('pub')))
    assert.deepEqual(
      again.packets.filter(({ cmd }) => cmd.startsWith('pub')).map(({ cmd, messageId }) => ({ cmd, messageId })),
      [{ cmd: 'publish', messageId }],
    )
    for (const one of [reader, writer, again]) one.close()
  } finally {
    await server.stop()
  }
})

/** As little of a client as a test needs, on mqtt-packet; its session stays. */
class PlainClient {
  readonly packets: Packet[] = []
  readonly #socket

  private constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('error', () => this.#socket.destroy())
    const parser = packets.parser({ protocolVersion: 4 })
    parser.on('packet', (packet: Packet) => this.packets.push(packet))
    this.#socket.on('data', (chunk: Buffer) => parser.parse(chunk))
  }

  static async open({ port }: MosquittoServer, clientId: string): Promise<PlainClient> {
    const client = new PlainClient(port)
    await once(client.#socket, 'connect')
    client.send({ cmd: 'connect', clientId, clean: false, keepalive: 60, protocolId: 'MQTT', protocolVersion: 4 })
    await client.next('connack')
    return client
  }

  send(packet: Packet): void {
    this.#socket.write(packets.generate(packet))
  }

  async next(cmd: Packet['cmd']): Promise<Packet> {
    await waitFor(cmd, 5000, () => this.packets.some((packet) => packet.cmd === cmd))
    return this.packets.find((packet) => packet.cmd === cmd)!
  }

  close(): void {
    this.#socket.destroy()
  }
}
