import { lookup } from 'node:dns/promises'
import { createConnection } from 'node:net'
import type { ConnectorContext, ProbeStep, Sink } from './connector.ts'
import { TrestleError } from './error.ts'
import type { Delivery } from './message.ts'
import type { Receipt } from './receipt.ts'

/** A step to try: its name, and what tries it and answers what was found. */
export type ProbeTry = readonly [step: string, run: () => Promise<string>]

/**
 * Tries steps in their order, times each and stops at the first that fails. The caller frees what they opened.
 *
 * *Errors*: none; what a step throws is translated by `translate` and told in the step's detail, with what can be done.
 */
export async function walkProbe(
  steps: Iterable<ProbeTry>,
  now: () => number,
  translate: (thrown: unknown) => TrestleError,
): Promise<ProbeStep[]> {
  const done: ProbeStep[] = []
  for (const [step, run] of steps) {
    const startMs = now()
    const result = await run().then(
      (detail) => ({ ok: true, detail }),
      (thrown: unknown) => ({ ok: false, detail: inWords(translate(thrown)) }),
    )
    done.push({ step, ...result, tookMs: now() - startMs })
    if (!result.ok) break
  }
  return done
}

const inWords = ({ code, message, detail }: TrestleError): string =>
  `${code} ${message}${detail.advice === undefined ? '' : ` (${detail.advice})`}`

/** The step `name`: which address a host has. *Errors*: Node's. */
export const resolveName = async (host: string): Promise<string> => `${host} is ${(await lookup(host)).address}`

/** The step `port`: whether a TCP connection can be opened; it is closed at once. *Errors*: Node's; E601 when nothing answers in time. */
export function reachPort(host: string, port: number, timeoutMs: number): Promise<string> {
  return new Promise((settle, fail) => {
    const socket = createConnection({ host, port, timeout: timeoutMs })
    socket.once('connect', () => {
      socket.destroy()
      settle(`${host}:${port} accepts connections`)
    })
    socket.once('timeout', () => {
      socket.destroy()
      fail(new TrestleError('E601', `${host}:${port} does not answer`))
    })
    socket.once('error', fail)
  })
}

/** Where an `http:` or `https:` URL leads. *Shape*: an IPv6 address is without its brackets. */
export const hostAndPort = (url: URL): { host: string; port: number } => ({
  host: url.hostname.replace(/^\[|\]$/g, ''),
  port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
})

/** What a probe writes: `{"probe":true}` from the topic `$probe`, to the connector's own target. */
export function probeDelivery({ hub, name, now }: Pick<ConnectorContext, 'hub' | 'name' | 'now'>): Delivery {
  const payload = new TextEncoder().encode('{"probe":true}')
  return {
    sink: name,
    rule: '$probe',
    target: null,
    key: null,
    orderKey: '$probe',
    headers: [],
    payload,
    options: null,
    id: 'probe',
    position: 0,
    index: 0,
    attempt: 1,
    message: {
      topic: '$probe',
      payload,
      qos: 1,
      retain: false,
      properties: null,
      client: hub,
      username: null,
      source: null,
      timeMs: now(),
    },
  }
}

/** Sends one delivery through a sink made for it, which is opened and closed here. *Errors*: why it did not arrive. */
export async function deliverAlone(sink: Sink, delivery: Delivery): Promise<Receipt> {
  try {
    await sink.open()
    const [receipt] = await sink.deliver([delivery])
    if (receipt?.outcome !== 'delivered') throw receipt?.error ?? new TrestleError('E608', 'no receipt')
    return receipt
  } finally {
    await sink.close()
  }
}
