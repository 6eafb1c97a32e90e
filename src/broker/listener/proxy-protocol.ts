import { BlockList, isIPv4, type Socket } from 'node:net'
import type { Visitor } from './gate.ts'
import type { ListenerOptions } from './listener.ts'
import { readProxyHeader } from './proxy-header.ts'

/**
 * Knows which visitors come through a proxy: those from the trusted addresses, and all of a Unix socket. The others are
 * taken as they are: what they say of themselves in such a header is not read.
 */
export class TrustedProxies {
  readonly #trusted = new BlockList()
  readonly #trustsAll: boolean

  constructor({ type, proxyProtocol }: ListenerOptions) {
    this.#trustsAll = type === 'unix'
    for (const entry of proxyProtocol?.trusted ?? []) {
      const [address = '', bits] = entry.split('/')
      const family = isIPv4(address) ? 'ipv4' : 'ipv6'
      if (bits === undefined) this.#trusted.addAddress(address, family)
      else this.#trusted.addSubnet(address, Number(bits), family)
    }
  }

  trusts(address: string): boolean {
    if (this.#trustsAll) return true
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
    if (plain === '') return false
    return this.#trusted.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
  }
}

/** Reads the proxy's header off a socket that is not read yet; then `next`, with the socket paused. */
export function takeProxyHeader(socket: Socket, visitor: Visitor, next: () => void): void {
  let gathered: Buffer = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    gathered = gathered.length === 0 ? bytes : Buffer.concat([gathered, bytes])
    const header = readProxyHeader(gathered)
    if (header === null) return
    socket.off('data', onData)
    if (header === 'malformed') {
      visitor.turnAway('proxy header is malformed')
      return
    }
    socket.pause()
    if (header.length < gathered.length) socket.unshift(gathered.subarray(header.length))
    if (header.address !== null) visitor.address = header.address
    next()
  }
  socket.on('data', onData)
  socket.resume()
}
