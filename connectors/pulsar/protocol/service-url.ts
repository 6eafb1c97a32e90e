import { PulsarFault } from './fault.ts'

/** Where a broker or proxy listens. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** Reads `pulsar://host:port` or `pulsar+ssl://host:port`; ports are 6650 and 6651 unless said. *Errors*: PulsarFault `usage`. */
export function parseServiceUrl(url: string): BrokerAddress {
  const match = /^(pulsar|pulsar\+ssl):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/\s[\]]+))(?::([0-9]{1,5}))?\/?$/.exec(url)
  if (match === null)
    throw new PulsarFault('usage', url, `\`${url}\` is not pulsar://host:port or pulsar+ssl://host:port`)
  const tls = match[1] === 'pulsar+ssl'
  return { host: (match[2] ?? match[3])!, port: Number(match[4] ?? (tls ? 6651 : 6650)), tls }
}

export const printAddress = ({ host, port }: BrokerAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
