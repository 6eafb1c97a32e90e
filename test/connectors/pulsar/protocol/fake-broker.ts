import { createServer, type Server, type Socket } from 'node:net'
import type { Command, CommandBody, CommandName } from '../../../../connectors/pulsar/protocol/wire/commands.ts'
import { FrameCutter, readFrame, writeCommand } from '../../../../connectors/pulsar/protocol/wire/frame.ts'
import { WireWriter } from '../../../../connectors/pulsar/protocol/wire/writer.ts'

/** One client of a fake broker. */
export interface Peer {
  readonly socket: Socket
  send<Name extends CommandName>(name: Name, values: Partial<CommandBody<Name>>): void
}

/**
 * Deals with a command, or answers false to leave it to the fake. `frame` from `entryAt` on is what stands behind a SEND.
 */
export type OnCommand = (command: Command, peer: Peer, broker: FakeBroker, frame: Buffer, entryAt: number) => boolean

/** A broker that does what a real one cannot be made to do. It lets everyone in unless `onCommand` answers true. */
export class FakeBroker {
  /** Everything it was sent, oldest first. */
  readonly heard: Command[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #onCommand: OnCommand
  #port = 0

  private constructor(onCommand: OnCommand) {
    this.#onCommand = onCommand
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** `onCommand` answers whether it dealt with a command itself. */
  static async start(onCommand: OnCommand = () => false): Promise<FakeBroker> {
    const broker = new FakeBroker(onCommand)
    await new Promise<void>((done) => broker.#server.listen(0, '127.0.0.1', done))
    broker.#port = (broker.#server.address() as { port: number }).port
    return broker
  }

  get url(): string {
    return `pulsar://127.0.0.1:${this.#port}`
  }

  get place(): string {
    return `127.0.0.1:${this.#port}`
  }

  heardOf<Name extends CommandName>(name: Name): CommandBody<Name>[] {
    return this.heard.filter((command) => command.name === name).map(({ body }) => body as CommandBody<Name>)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((done) => this.#server.close(done))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    const cutter = new FrameCutter()
    const peer: Peer = {
      socket,
      send(name, values) {
        const writer = new WireWriter()
        writeCommand(writer, name, values)
        socket.write(writer.copy())
      },
    }
    socket.on('error', () => {
      // The client may go at any time: that is what is tested.
    })
    socket.on('data', (chunk: Buffer) =>
      cutter.push(chunk, (frame) => {
        const { command, entryAt } = readFrame(frame)
        if (command === null) return
        this.heard.push(command)
        if (!this.#onCommand(command, peer, this, frame, entryAt)) answer(command, peer, this)
      }),
    )
  }
}

function answer(command: Command, peer: Peer, { url }: FakeBroker): void {
  if (command.name === 'connect') peer.send('connected', { serverVersion: 'fake', protocolVersion: 21 })
  else if (command.name === 'ping') peer.send('pong', {})
  else if (command.name === 'lookup') peer.send('lookupAnswer', { requestId: command.body.requestId, response: 1, url })
  else if (command.name === 'closeProducer') peer.send('success', { requestId: command.body.requestId })
  else if (command.name === 'partitions') {
    peer.send('partitionsAnswer', { requestId: command.body.requestId, partitions: 0, response: 0 })
  } else if (command.name === 'producer') {
    peer.send('producerSuccess', { requestId: command.body.requestId, producerName: 'p', ready: true })
  }
}
