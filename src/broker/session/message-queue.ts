import type { QueuedMessage } from './kept-message.ts'

/** First in, first out, with constant cost at both ends; made when the first message has to wait. */
export class MessageQueue {
  #items: (QueuedMessage | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: QueuedMessage): void {
    this.#items.push(item)
  }

  /** Takes those out that are meant, in their order; the others stay in theirs. */
  take(isMeant: (item: QueuedMessage) => boolean): QueuedMessage[] {
    const taken: QueuedMessage[] = []
    const kept: QueuedMessage[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) (isMeant(item) ? taken : kept).push(item)
    this.#items = kept
    this.#head = 0
    return taken
  }

  shift(): QueuedMessage | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
