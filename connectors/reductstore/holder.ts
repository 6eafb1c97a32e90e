import type { Receipt } from 'trestle/contract'
import type { Item } from './batch-writer.ts'
import { headerOf, type ReductClient } from './client.ts'
import { fromStatus } from './errors.ts'

/** A record that another request is still writing is asked for again, so many times at this distance. */
const unfinishedTries = 20
const unfinishedWaitMs = 100

/** The identity of the record at an item's place, empty for a stranger's; null when the place is free again. */
export async function holderOf(
  client: ReductClient,
  bucket: string,
  { entry, timestamp }: Item,
): Promise<string | null> {
  const path = `/b/${bucket}/${entry}?ts=${timestamp}`
  for (let tries = 1; ; tries++) {
    const answer = await client.ask({ method: 'HEAD', path })
    if (answer.status < 300) return headerOf(answer, 'x-reduct-label-trestle-id') ?? ''
    if (answer.status === 404) return null
    // Broken, or never finished because the server ended in the middle: nobody will ever read it.
    if (answer.status === 500 || (answer.status === 425 && tries >= unfinishedTries)) return ''
    if (answer.status !== 425) throw fromStatus(answer.status, answer.said, `${bucket}/${entry}`)
    await new Promise((done) => setTimeout(done, unfinishedWaitMs))
  }
}

/** A Receipt that says where the record is, in words only when someone asks. */
export class Written implements Receipt {
  readonly outcome = 'delivered'
  readonly error = null
  readonly #bucket: string
  readonly #entry: string
  readonly #timestamp: number

  constructor(bucket: string, { entry, timestamp }: Item) {
    this.#bucket = bucket
    this.#entry = entry
    this.#timestamp = timestamp
  }

  get place(): string {
    return `${this.#bucket}/${this.#entry}@${this.#timestamp}`
  }
}
