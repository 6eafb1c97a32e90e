import {
  type ConnectorContext,
  hostAndPort,
  type ProbeStep,
  type ProbeTry,
  reachPort,
  resolveName,
  walkProbe,
} from 'trestle/contract'
import { HttpClient } from './client.ts'
import { fromStatus, fromThrown } from './errors.ts'
import type { HttpOptions } from './options.ts'

/**
 * Walks the path to the receiver: name, port, TLS, and a real request with the headers `trestle-probe: 1` and
 * `trestle-id: probe` and the body `{"probe":true}`. Stops at the first step that fails.
 */
export async function probeHttp(options: HttpOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  if (options.url === undefined) {
    return [{ step: 'url', ok: true, detail: 'the connector names no URL: nothing to try', tookMs: 0 }]
  }
  const url = new URL(options.url)
  const { host, port } = hostAndPort(url)
  const client = new HttpClient(options, context.now)
  const steps: ProbeTry[] = [
    ['name', () => resolveName(host)],
    ['port', () => reachPort(host, port, options.timeout_ms)],
    ['request', () => send(client, options, url)],
  ]
  try {
    return await walkProbe(steps, context.now, (thrown) => fromThrown(thrown, url.host))
  } finally {
    client.close()
  }
}

async function send(client: HttpClient, options: HttpOptions, url: URL): Promise<string> {
  await client.open()
  const headers = ['content-type', 'application/json', 'trestle-probe', '1', 'trestle-id', 'probe']
  headers.push('idempotency-key', 'probe')
  const text = options.batch === 'array' ? '[{"probe":true}]' : '{"probe":true}'
  const answer = await client.ask({ url, method: options.method, headers, body: Buffer.from(text) })
  if (answer.status >= 200 && answer.status < 300) return `answered ${answer.status}`
  throw fromStatus(answer.status, answer.said, `${url.host}${url.pathname}`, answer.retryAfterMs)
}
