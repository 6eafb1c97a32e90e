import type { OwedTotal } from './port.ts'

/**
 * The cells the connector thread polls: how far the journal is durable, where that lies, and what was ever owed to each
 * sink named at the journal's opening. Written by the journal only, after each commit.
 *
 * *Shape*: 64-bit integers: `[durable, changes, first, end, messages of sink 0, bytes of sink 0, messages of sink 1, …]`.
 * `changes` is odd while `durable`, `first` and `end` are being written.
 */
export function createTail(sinkCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * (owedCells + 2 * sinkCount))
}

/** How far the journal is durable, and where that is. */
export interface Head {
  /** The last position that is back from disk. */
  readonly durable: number
  /** First position of the segment that holds it; 0 when nothing was written since the journal's opening. */
  readonly first: number
  /** Where in this segment's file what is durable ends; nothing before it is void. */
  readonly endBytes: number
}

const durableCell = 0
const changesCell = 1
const firstCell = 2
const endCell = 3
const owedCells = 4

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
  return Number(Atomics.load(viewOf(shared), durableCell))
}

/** What was ever owed, durably, to the sink at `index` of the journal's `sinks` option. */
export function readOwed(shared: SharedArrayBuffer, index: number): OwedTotal {
  const view = viewOf(shared)
  return {
    messages: Number(Atomics.load(view, owedCells + 2 * index)),
    bytes: Number(Atomics.load(view, owedCells + 1 + 2 * index)),
  }
}

/** The journal's side of `readOwed`. */
export function writeOwed(shared: SharedArrayBuffer, index: number, messages: number, bytes: number): void {
  const view = viewOf(shared)
  Atomics.store(view, owedCells + 2 * index, BigInt(messages))
  Atomics.store(view, owedCells + 1 + 2 * index, BigInt(bytes))
}

/** The last durable position with its place; all three of one commit. */
export function readHead(shared: SharedArrayBuffer): Head {
  const view = viewOf(shared)
  for (;;) {
    const changes = Atomics.load(view, changesCell)
    const durable = Number(Atomics.load(view, durableCell))
    const first = Number(Atomics.load(view, firstCell))
    const endBytes = Number(Atomics.load(view, endCell))
    // The writer is between its four stores for well under a microsecond: looking again is all it takes.
    if ((changes & 1n) === 0n && Atomics.load(view, changesCell) === changes) return { durable, first, endBytes }
  }
}

/** The journal's side of `readTail` and `readHead`; after `writeOwed`, so that who sees the position sees its totals. */
export function writeHead(shared: SharedArrayBuffer, { durable, first, endBytes }: Head): void {
  const view = viewOf(shared)
  Atomics.add(view, changesCell, 1n)
  Atomics.store(view, firstCell, BigInt(first))
  Atomics.store(view, endCell, BigInt(endBytes))
  Atomics.store(view, durableCell, BigInt(durable))
  Atomics.add(view, changesCell, 1n)
}
