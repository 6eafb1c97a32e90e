import { lookup } from 'node:dns/promises'
import type { ConnectorContext, ProbeStep, TrestleError } from 'trestle/contract'
import { HttpClient } from './client.ts'
import { fromStatus, fromThrown } from './errors.ts'
import type { HttpOptions } from './options.ts'
import { reach } from './sink.ts'

/**
 * Walks the path to the receiver: name, port, TLS, and a real request with the headers `trestle-probe: 1` and
 * `trestle-id: probe` and the body `{"probe":true}`. Stops at the first step that fails.
 */
export async function probeHttp(options: HttpOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  if (options.url === undefined) {
    return [{ step: 'url', ok: true, detail: 'the connector names no URL: nothing to try', tookMs: 0 }]
  }
  const url = new URL(options.url)
  const client = new HttpClient(options, context.now)
  const steps: [string, () => Promise<string>][] = [
    ['name', async () => `${url.hostname} is ${(await lookup(url.hostname.replace(/^\[|\]$/g, ''))).address}`],
    ['port', () => reach(url, options.timeout_ms)],
    ['request', () => send(client, options, url)],
  ]
  const done: ProbeStep[] = []
  try {
    for (const [step, run] of steps) {
      const startMs = context.now()
      const result = await run().then(
        (detail) => ({ ok: true, detail }),
        (thrown: unknown) => ({ ok: false, detail: explain(fromThrown(thrown, url.host)) }),
      )
      done.push({ step, ...result, tookMs: context.now() - startMs })
      if (!result.ok) break
    }
  } finally {
    client.close()
  }
  return done
}

const explain = ({ code, message, detail }: TrestleError): string =>
  `${code} ${message}${detail.advice === undefined ? '' : ` (${detail.advice})`}`

async function send(client: HttpClient, options: HttpOptions, url: URL): Promise<string> {
  await client.open()
  const headers = ['content-type', 'application/json', 'trestle-probe', '1', 'trestle-id', 'probe']
  headers.push('idempotency-key', 'probe')
  const text = options.batch === 'array' ? '[{"probe":true}]' : '{"probe":true}'
  const answer = await client.ask({ url, method: options.method, headers, body: Buffer.from(text) })
  if (answer.status >= 200 && answer.status < 300) return `answered ${answer.status}`
  throw fromStatus(answer.status, answer.said, `${url.host}${url.pathname}`, answer.retryAfterMs)
}
