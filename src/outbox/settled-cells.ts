/**
 * How much of what sinks are owed is settled: cells that the connector thread writes, so that main can tell how much
 * is still owed without asking. *Shape*: 64-bit integers, payload bytes by the sink's place in the journal's tail.
 */
export const createSettled = (tail: SharedArrayBuffer): SharedArrayBuffer => new SharedArrayBuffer(tail.byteLength)

export const writeSettled = (shared: SharedArrayBuffer, slot: number, bytes: number): void => {
  Atomics.store(viewOf(shared), slot, BigInt(bytes))
}

export const readSettled = (shared: SharedArrayBuffer, slot: number): number =>
  Number(Atomics.load(viewOf(shared), slot))

const views = new WeakMap<SharedArrayBuffer, BigInt64Array>()

function viewOf(shared: SharedArrayBuffer): BigInt64Array {
  const known = views.get(shared)
  if (known !== undefined) return known
  const view = new BigInt64Array(shared)
  views.set(shared, view)
  return view
}
