import type { ReductServer } from '../../services/index.ts'

/** A record as another program sees it, over the plain HTTP API and one request per record. */
export interface SeenRecord {
  entry: string
  timestamp: number
  contentType: string
  labels: Record<string, string>
  payload: Buffer
}

/** One question to the server; a status that is an error is thrown. */
export async function ask(server: ReductServer, method: string, path: string, body?: string): Promise<Response> {
  const headers = { authorization: `Bearer ${server.token}` }
  const answer = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  if (answer.status >= 400) {
    throw new Error(`${method} ${path}: ${answer.status} ${answer.headers.get('x-reduct-error')}`)
  }
  return answer
}

/** Names of the entries of a bucket that hold records. */
export async function entriesOf(server: ReductServer, bucket: string): Promise<string[]> {
  const answer = await ask(server, 'GET', `/b/${bucket}`)
  const { entries } = (await answer.json()) as { entries: { name: string; record_count: number }[] }
  return entries.filter(({ record_count: count }) => count > 0).map(({ name }) => name)
}

/** All records of an entry in the server's order, read one by one (API version 1). */
export async function recordsOf(server: ReductServer, bucket: string, entry: string): Promise<SeenRecord[]> {
  const query = await ask(server, 'POST', `/b/${bucket}/${entry}/q`, JSON.stringify({ query_type: 'QUERY' }))
  const { id } = (await query.json()) as { id: number }
  const seen: SeenRecord[] = []
  for (;;) {
    const answer = await ask(server, 'GET', `/b/${bucket}/${entry}?q=${id}`)
    if (answer.status === 204) return seen
    const labels: Record<string, string> = {}
    for (const [name, value] of answer.headers) {
      if (name.startsWith('x-reduct-label-')) labels[name.slice('x-reduct-label-'.length)] = value
    }
    seen.push({
      entry,
      timestamp: Number(answer.headers.get('x-reduct-time')),
      contentType: answer.headers.get('content-type') ?? '',
      labels,
      payload: Buffer.from(await answer.arrayBuffer()),
    })
  }
}

/** Writes one record as another program does. */
export async function writeRecord(
  server: ReductServer,
  bucket: string,
  record: { entry: string; timestamp: number; payload: string; labels?: Record<string, string>; contentType?: string },
): Promise<void> {
  const headers: Record<string, string> = { authorization: `Bearer ${server.token}` }
  if (record.contentType !== undefined) headers['content-type'] = record.contentType
  for (const [name, value] of Object.entries(record.labels ?? {})) headers[`x-reduct-label-${name}`] = value
  const url = `${server.url}/api/v1/b/${bucket}/${record.entry}?ts=${record.timestamp}`
  const answer = await fetch(url, { method: 'POST', headers, body: record.payload })
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.headers.get('x-reduct-error')}`)
}
