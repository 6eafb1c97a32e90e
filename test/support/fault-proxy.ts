import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A stretch of network between the hub and a far side whose packets can get lost: TCP on 127.0.0.1, from its own port
 * to the far side's.
 *
 * After `drop` nothing passes and nobody is told: connections stay open and silent for ever (a firewall has forgotten
 * them, a peer has lost its power), new ones are taken and stay silent too. After `heal` new ones pass again; the old
 * ones stay dead, as they do in life.
 */
export class FaultProxy {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Those that were open when packets got lost. */
  readonly #dead = new WeakSet<Socket>()
  readonly #targetPort: number
  #dropping = false

  private constructor(server: Server, port: number, targetPort: number) {
    this.#server = server
    this.port = port
    this.#targetPort = targetPort
    server.on('connection', (socket) => this.#take(socket))
  }

  static async create(targetPort: number, port = 0): Promise<FaultProxy> {
    const server = createServer({ noDelay: true })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, (server.address() as { port: number }).port, targetPort)
  }

  /** From now on packets get lost. */
  drop(): void {
    this.#dropping = true
    for (const socket of this.#sockets) {
      this.#dead.add(socket)
      socket.unpipe()
      socket.pause()
    }
  }

  /** New connections pass again. */
  heal(): void {
    this.#dropping = false
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #take(near: Socket): void {
    this.#keep(near)
    if (this.#dropping) {
      this.#dead.add(near)
      near.pause()
      return
    }
    const far = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true })
    this.#keep(far)
    near.pipe(far)
    far.pipe(near)
    // While packets pass, an end on one side is an end on the other (a connection that is refused too); what was dropped hears nothing.
    const endOther = (other: Socket) => () => {
      if (!this.#dead.has(other)) other.destroy()
    }
    near.on('close', endOther(far))
    far.on('close', endOther(near))
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
