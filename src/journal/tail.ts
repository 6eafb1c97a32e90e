import type { OwedTotal } from './port.ts'

/**
 * The cells the connector thread polls: how far the journal is durable, and what was ever owed to each sink named at
 * the journal's opening. Written by the journal only, after each commit.
 *
 * *Shape*: 64-bit integers: `[durable, messages of sink 0, bytes of sink 0, messages of sink 1, …]`.
 */
export function createTail(sinkCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * (1 + 2 * sinkCount))
}

const views = new WeakMap<SharedArrayBuffer, BigInt64Array>()

function viewOf(shared: SharedArrayBuffer): BigInt64Array {
  let view = views.get(shared)
  if (view === undefined) {
    view = new BigInt64Array(shared)
    views.set(shared, view)
  }
  return view
}

/** The last position that is back from disk. */
export function readTail(shared: SharedArrayBuffer): number {
  return Number(Atomics.load(viewOf(shared), 0))
}

/** What was ever owed, durably, to the sink at `index` of the journal's `sinks` option. */
export function readOwed(shared: SharedArrayBuffer, index: number): OwedTotal {
  const view = viewOf(shared)
  return {
    messages: Number(Atomics.load(view, 1 + 2 * index)),
    bytes: Number(Atomics.load(view, 2 + 2 * index)),
  }
}

/** The journal's side of `readOwed`. */
export function writeOwed(shared: SharedArrayBuffer, index: number, messages: number, bytes: number): void {
  const view = viewOf(shared)
  Atomics.store(view, 1 + 2 * index, BigInt(messages))
  Atomics.store(view, 2 + 2 * index, BigInt(bytes))
}

/** The journal's side of `readTail`; comes after `writeOwed`, so that who sees the position sees its totals. */
export function writeTail(shared: SharedArrayBuffer, durable: number): void {
  Atomics.store(viewOf(shared), 0, BigInt(durable))
}
