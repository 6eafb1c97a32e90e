import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectorContext, TrestleError } from 'trestle/contract'
import type { ReductClient } from './client.ts'
import { fromStatus } from './errors.ts'
import type { ReductOptions } from './options.ts'

/** Sees that the bucket is there, or creates it. *Errors*: E604, it is not there; E109, it is there and must not be. */
export async function prepareBucket(
  client: ReductClient,
  options: ReductOptions,
  context: ConnectorContext,
): Promise<'found' | 'created'> {
  const { bucket, create_bucket: create, exist_ok: existOk } = options
  const place = `${client.place} ${bucket}`
  // Our own from an earlier run is not somebody else's.
  const mark = join(context.folder, `created-${bucket}`)
  const there = await client.ask({ method: 'GET', path: `/b/${bucket}` })
  // A token that may only write cannot look; writing will tell.
  if (there.status < 300 || there.status === 403) {
    if (existOk || existsSync(mark)) return 'found'
    const advice = 'name another bucket, or set exist_ok: true'
    throw new TrestleError('E109', `${place}: the bucket is there already`, { detail: { advice }, retry: 'later' })
  }
  if (there.status !== 404 || !create) throw fromStatus(there.status, there.said, place)
  const settings = { quota_type: options.quota_type.toUpperCase(), quota_size: options.quota_size ?? 0 }
  const body = [Buffer.from(JSON.stringify(settings))]
  const made = await client.ask({ method: 'POST', path: `/b/${bucket}`, body })
  // Another was quicker.
  if (made.status === 409 && existOk) return 'found'
  if (made.status >= 300) throw fromStatus(made.status, made.said, place)
  mkdirSync(context.folder, { recursive: true })
  writeFileSync(mark, '')
  context.log('info', 'reductstore.bucket-created', { bucket, ...settings })
  return 'created'
}
