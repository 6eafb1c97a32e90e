import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { type Connector, type Delivery, delivered, type Receipt, type Sink } from 'trestle/contract'

interface LineOptions {
  /** One line per delivery is appended here: id, order key, value. */
  path: string
}

/**
 * A sink whose far side is a file, so that a test sees it from another thread. Its deliveries may ask for trouble by
 * their target, once each (a marker file beside the output says that it was had): `crash` throws outside of any call,
 * `exit` ends the thread after the far side has the batch, `block:MS` blocks the thread, `slow:MS` waits.
 */
class LineSink implements Sink {
  readonly ordering = 'key'
  readonly limits = { count: 50, bytes: 1_000_000, lingerMs: 1 }
  readonly #path: string

  constructor(options: LineOptions) {
    this.#path = options.path
  }

  async open(): Promise<void> {}

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const lines = batch.map(({ id, orderKey, payload }) => `${id} ${orderKey} ${Buffer.from(payload).toString()}\n`)
    appendFileSync(this.#path, lines.join(''))
    for (const { id, target } of batch) if (target !== null && this.#first(id)) await trouble(target)
    return batch.map(() => delivered)
  }

  async close(): Promise<void> {}

  #first(id: string): boolean {
    const marker = `${this.#path}.${id}`
    if (existsSync(marker)) return false
    writeFileSync(marker, '')
    return true
  }
}

const trouble = async (target: string): Promise<void> => {
  const [what, ms] = target.split(':')
  if (what === 'exit') process.exit(1)
  if (what === 'slow') await new Promise((resolve) => setTimeout(resolve, Number(ms)))
  if (what === 'block') for (const endMs = Date.now() + Number(ms); Date.now() < endMs; );
  if (what !== 'crash') return
  setImmediate(() => {
    throw new Error('a connector threw where nobody listens')
  })
  await new Promise(() => {})
}

const line: Connector = {
  type: 'line',
  summary: 'appends a line per delivery to a file, for tests',
  options: { type: 'object' },
  createSink: (options: never) => new LineSink(options as LineOptions),
}

export default line
