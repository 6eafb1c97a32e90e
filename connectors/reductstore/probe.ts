import {
  type ConnectorContext,
  hostAndPort,
  type ProbeStep,
  type ProbeTry,
  reachPort,
  resolveName,
  TrestleError,
  walkProbe,
} from 'trestle/contract'
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
  const { host, port } = hostAndPort(new URL(options.url))
  const client = new ReductClient(options)
  const timestamp = context.now() * 1000
  const record = `/b/${options.bucket}/${probeEntry}?ts=${timestamp}`
  const steps: ProbeTry[] = [
    ['name', () => resolveName(host)],
    ['port', () => reachPort(host, port, 5000)],
    ['login', async () => `${await client.open()}, ${options.token === undefined ? 'no token' : 'with a token'}`],
    // A probe asks about the bucket as it is; it is the sink that may find it there or not.
    ['bucket', async () => `${options.bucket} ${await prepareBucket(client, { ...options, exist_ok: true }, context)}`],
    ['write', () => write(client, record)],
    ['read', () => readBack(client, record)],
    ['delete', () => client.must({ method: 'DELETE', path: record }).then(() => 'the record is gone again')],
  ]
  try {
    return await walkProbe(steps, context.now, (thrown) => fromThrown(thrown, client.place))
  } finally {
    client.close()
  }
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
