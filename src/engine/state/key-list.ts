/** What stands in a list: it knows its neighbours. */
export interface Listed {
  readonly key: string
  previous: Listed | null
  next: Listed | null
}

/** Power of two. */
const shardCount = 128

/**
 * Things by their key, and in an order. A `Map` alone would do, but one of a million keys stands still for half a second
 * when it grows or has been changed often, and finds its first only behind all that were removed. So the keys are spread
 * over many maps, and the order is a chain.
 */
export class KeyList<T extends Listed> {
  size = 0
  readonly #shards: (Map<string, T> | undefined)[] = new Array<undefined>(shardCount)
  #first: Listed | null = null
  #last: Listed | null = null
  /** Counts the times it was emptied. */
  #epoch = 0

  get(key: string): T | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  /** The one that stands first; null when there is none. */
  get first(): T | null {
    let first = this.#first
    while (first instanceof Bookmark) first = first.next
    return first as T | null
  }

  /** Puts one with a key that is not in it at the end. */
  add(one: T): void {
    const at = shardOf(one.key)
    const shard = this.#shards[at]
    if (shard === undefined) this.#shards[at] = new Map([[one.key, one]])
    else shard.set(one.key, one)
    this.size++
    this.#append(one)
  }

  moveToEnd(one: T): void {
    if (this.#last === one) return
    this.#unlink(one)
    this.#append(one)
  }

  remove(one: T): void {
    this.#shards[shardOf(one.key)]?.delete(one.key)
    this.size--
    this.#unlink(one)
  }

  clear(): void {
    this.#shards.fill(undefined)
    this.#first = null
    this.#last = null
    this.size = 0
    this.#epoch++
  }

  /** All in their order; whatever is added, moved or removed meanwhile, none that stays in its place is passed over. */
  *walk(): Generator<T> {
    const epoch = this.#epoch
    const bookmark = new Bookmark()
    let one = this.#first
    let isIn = false
    try {
      while (one !== null) {
        this.#insertAfter(bookmark, one)
        isIn = true
        if (!(one instanceof Bookmark)) yield one as T
        if (epoch !== this.#epoch) return
        one = bookmark.next
        this.#unlink(bookmark)
        isIn = false
      }
    } finally {
      if (isIn && epoch === this.#epoch) this.#unlink(bookmark)
    }
  }

  #append(one: Listed): void {
    one.previous = this.#last
    one.next = null
    if (this.#last === null) this.#first = one
    else this.#last.next = one
    this.#last = one
  }

  #insertAfter(one: Listed, before: Listed): void {
    one.previous = before
    one.next = before.next
    if (before.next === null) this.#last = one
    else before.next.previous = one
    before.next = one
  }

  #unlink(one: Listed): void {
    if (one.previous === null) this.#first = one.next
    else one.previous.next = one.next
    if (one.next === null) this.#last = one.previous
    else one.next.previous = one.previous
    one.previous = null
    one.next = null
  }
}

/** Where a walk has got to. */
class Bookmark implements Listed {
  readonly key = ''
  previous: Listed | null = null
  next: Listed | null = null
}

/** Keys mostly differ in their last characters. */
function shardOf(key: string): number {
  let hash = key.length
  for (let at = Math.max(0, key.length - 8); at < key.length; at++)
    hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0
  return (hash ^ (hash >>> 7)) & (shardCount - 1)
}
