import { ownText } from './name.ts'

/**
 * Values under topic filters, found by topic name.
 *
 * A match visits each node of the tree at most once, level by level and without recursion, so neither a topic of
 * 65,535 levels nor a thicket of `+` can overflow the stack or take more steps than there are nodes.
 * Filters and topics are expected to be valid (`topicFilterFault`, `topicNameFault`).
 */
export class TopicTrie<T> {
  readonly #root = new Node<T>()
  #size = 0
  #nodes = 0
  /** Nodes reached at the current and the next level of a match; kept to spare allocation. */
  #here: Node<T>[] = []
  #next: Node<T>[] = []

  /** How many pairs of filter and value are held. */
  get size(): number {
    return this.#size
  }

  /** Levels that the filters make together, shared ones once. */
  get nodes(): number {
    return this.#nodes
  }

  /** How many levels the filter would add. */
  missing(filter: string): number {
    let node: Node<T> | undefined = this.#root
    let count = 0
    for (let start = 0; start <= filter.length; ) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      if (level === '#') break
      node = node?.child(level)
      if (node === undefined) count++
      start = end + 1
    }
    return count
  }

  /** Puts a value under a filter; a pair that is there already stays once. */
  add(filter: string, value: T): void {
    let node = this.#root
    for (let start = 0; start <= filter.length; ) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      if (level === '#') {
        node.below ??= new Set()
        this.#put(node.below, value)
        return
      }
      let next = node.child(level)
      if (next === undefined) {
        next = node.grow(level)
        this.#nodes++
      }
      node = next
      start = end + 1
    }
    node.values ??= new Set()
    this.#put(node.values, value)
  }

  /** Takes a pair out and cuts the branch that nothing needs any more; false when the pair was not there. */
  remove(filter: string, value: T): boolean {
    const path: Node<T>[] = [this.#root]
    const levels: string[] = []
    for (let start = 0; start <= filter.length; ) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      if (level === '#') return this.#take(path, levels, 'below', value)
      const node = path[path.length - 1]!.child(level)
      if (node === undefined) return false
      path.push(node)
      levels.push(level)
      start = end + 1
    }
    return this.#take(path, levels, 'values', value)
  }

  /** Appends to `out` the values of all filters that match; a value under several of them comes several times. */
  match(topic: string, out: T[]): void {
    let here = this.#here
    let next = this.#next
    here.push(this.#root)
    // A wildcard does not match a first level that starts with `$`. [MQTT-4.7.2-1]
    let wild = topic.charCodeAt(0) !== DOLLAR
    for (let start = 0; start <= topic.length && here.length > 0; wild = true) {
      const end = levelEnd(topic, start)
      const level = topic.slice(start, end)
      for (const node of here) {
        if (wild && node.below !== null) for (const value of node.below) out.push(value)
        const child = node.children?.get(level)
        if (child !== undefined) next.push(child)
        if (wild && node.plus !== null) next.push(node.plus)
      }
      here.length = 0
      ;[here, next] = [next, here]
      start = end + 1
    }
    for (const node of here) {
      if (node.values !== null) for (const value of node.values) out.push(value)
      // `a/#` matches `a`. *Source*: MQTT 5.0 §4.7.1.2.
      if (node.below !== null) for (const value of node.below) out.push(value)
    }
    here.length = 0
    this.#here = here
    this.#next = next
  }

  #put(set: Set<T>, value: T): void {
    const before = set.size
    set.add(value)
    this.#size += set.size - before
  }

  #take(path: Node<T>[], levels: string[], where: 'values' | 'below', value: T): boolean {
    const last = path[path.length - 1]!
    const set = last[where]
    if (set === null || !set.delete(value)) return false
    this.#size--
    if (set.size === 0) last[where] = null
    for (let i = levels.length; i > 0 && path[i]!.isEmpty(); i--) {
      path[i - 1]!.cut(levels[i - 1]!)
      this.#nodes--
    }
    return true
  }
}

class Node<T> {
  children: Map<string, Node<T>> | null = null
  plus: Node<T> | null = null
  /** Values of the filter that ends here. */
  values: Set<T> | null = null
  /** Values of the filter that ends here with `/#`. */
  below: Set<T> | null = null

  child(level: string): Node<T> | undefined {
    return level === '+' ? (this.plus ?? undefined) : this.children?.get(level)
  }

  /** Adds a child that is not there yet. */
  grow(level: string): Node<T> {
    const child = new Node<T>()
    if (level === '+') this.plus = child
    else {
      this.children ??= new Map()
      this.children.set(ownText(level), child)
    }
    return child
  }

  cut(level: string): void {
    if (level === '+') this.plus = null
    else if (this.children?.delete(level) && this.children.size === 0) this.children = null
  }

  isEmpty(): boolean {
    return this.values === null && this.below === null && this.plus === null && this.children === null
  }
}

const DOLLAR = 0x24

function levelEnd(text: string, from: number): number {
  const end = text.indexOf('/', from)
  return end === -1 ? text.length : end
}
