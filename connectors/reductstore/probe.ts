import { lookup } from 'node:dns/promises'
import { createConnection } from 'node:net'
import { type ConnectorContext, type ProbeStep, TrestleError } from 'trestle/contract'
import { prepareBucket } from './bucket.ts'
import { headerOf, ReductClient } from './client.ts'
import { probeEntry } from './entries.ts'
import { fromThrown } from './errors.ts'
import type { ReductOptions } from './options.ts'

/**
 * Walks the path to ReductStore: name, port, TLS and login, bucket, and a real record that is written to the entry
 * `trestle-probe`, read back and deleted. Stops at the first step that fails.
 */
export async function probeReduct(options: ReductOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  const url = new URL(options.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const client = new ReductClient(options)
  const timestamp = context.now() * 1000
  const record = `/b/${options.bucket}/${probeEntry}?ts=${timestamp}`
  const steps: [string, () => Promise<string>][] = [
    ['name', async () => `${host} is ${(await lookup(host)).address}`],
    ['port', () => connectTo(host, port)],
    ['login', async () => `${await client.open()}, ${options.token === undefined ? 'no token' : 'with a token'}`],
    // A probe asks about the bucket as it is; it is the sink that may find it there or not.
    ['bucket', async () => `${options.bucket} ${await prepareBucket(client, { ...options, exist_ok: true }, context)}`],
    ['write', () => write(client, record)],
    ['read', () => readBack(client, record)],
    ['delete', () => client.must({ method: 'DELETE', path: record }).then(() => 'the record is gone again')],
  ]
  const done: ProbeStep[] = []
  try {
    for (const [step, run] of steps) {
      const startMs = context.now()
      const result = await run().then(
        (detail) => ({ ok: true, detail }),
        (thrown: unknown) => ({ ok: false, detail: explain(fromThrown(thrown, client.place)) }),
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

function connectTo(host: string, port: number): Promise<string> {
  return new Promise((settle, fail) => {
    const socket = createConnection({ host, port, timeout: 5000 })
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

const payload = Buffer.from('{"probe":true}')

async function write(client: ReductClient, path: string): Promise<string> {
  const headers = ['content-type', 'application/json', 'x-reduct-label-trestle-id', 'probe']
  await client.must({ method: 'POST', path, headers, body: [payload] })
  return `${probeEntry}, ${payload.length} bytes`
}

async function readBack(client: ReductClient, path: string): Promise<string> {
  const answer = await client.must({ method: 'GET', path })
  if (answer.body.equals(payload)) return `as it was written, ${headerOf(answer, 'content-type')}`
  throw new TrestleError('E608', 'another record came back than was written')
}
