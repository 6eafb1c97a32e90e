/** Anything with a time. */
export interface Due {
  dueMs: number
}

/** Those that wait for a time, the earliest at hand: a binary heap. `dueMs` must not change while one is in it. */
export class DueHeap<T extends Due> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  get first(): T | undefined {
    return this.#heap[0]
  }

  push(item: T): void {
    const heap = this.#heap
    let place = heap.length
    heap.push(item)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (heap[parent]!.dueMs <= item.dueMs) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = item
  }

  /** Takes the earliest out. */
  pop(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let place = 0
    for (;;) {
      let child = place * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      if (heap[child]!.dueMs >= last.dueMs) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
    return first
  }

  /** Empties it and answers what was in it, in no order. */
  drain(): T[] {
    return this.#heap.splice(0)
  }
}
