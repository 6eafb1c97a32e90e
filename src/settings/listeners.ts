import { type Address, readAddress } from './address.ts'
import type { ListenerFile } from './listener-schema.ts'
import { type CamelKeys, camelKeys } from './snake-case.ts'

type Written = Omit<ListenerFile, 'address' | 'tls' | 'proxy_protocol'>

/** One listener as the broker takes it; what is not given is not there. */
export interface ListenerSettings extends CamelKeys<Written>, Partial<Address> {
  readonly tls?: CamelKeys<NonNullable<ListenerFile['tls']>>
  readonly proxyProtocol?: NonNullable<ListenerFile['proxy_protocol']>
}

export function listenerOf({ address, tls, proxy_protocol: proxyProtocol, ...rest }: ListenerFile): ListenerSettings {
  return {
    ...camelKeys<Written>(rest),
    ...(address === undefined ? {} : readAddress(address)!),
    ...(tls === undefined ? {} : { tls: camelKeys(tls) }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  }
}

/** Where to connect, for a person. */
export function printListener({ type, host = '', port, socket, path = '/mqtt' }: ListenerSettings): string {
  if (type === 'unix') return socket ?? ''
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (type === 'websocket') return `ws://${place}${path}`
  return type === 'wss' ? `wss://${place}${path}` : place
}
