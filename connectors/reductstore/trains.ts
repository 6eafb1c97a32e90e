import { type BatchBounds, BatchWriter, type Item } from './batch-writer.ts'

/**
 * Requests that write the items, in trains: the requests of one go one after the other, trains side by side. An entry is
 * in one train only. Entries with few records share requests.
 */
export function trainsOf(items: readonly Item[], bounds: BatchBounds, maxRequests: number): BatchWriter[][] {
  const trains: BatchWriter[][] = []
  let shared: BatchWriter | null = null
  const share = bounds.records / maxRequests
  for (const ofEntry of Map.groupBy(items, ({ entry }) => entry).values()) {
    ofEntry.sort((one, other) => one.timestamp - other.timestamp)
    if (ofEntry.length > share) {
      trains.push(trainOf(ofEntry, bounds))
      continue
    }
    if (shared === null || !shared.hasRoomFor(ofEntry)) {
      shared = new BatchWriter(bounds)
      if (!shared.hasRoomFor(ofEntry)) {
        trains.push(trainOf(ofEntry, bounds))
        shared = null
        continue
      }
      trains.push([shared])
    }
    for (const item of ofEntry) shared.add(item)
  }
  return trains
}

function trainOf(ofEntry: readonly Item[], bounds: BatchBounds): BatchWriter[] {
  const train = [new BatchWriter(bounds)]
  for (const item of ofEntry) {
    if (train.at(-1)!.add(item)) continue
    const next = new BatchWriter(bounds)
    next.add(item)
    train.push(next)
  }
  return train
}
