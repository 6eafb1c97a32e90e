import type { QueuedMessage } from './kept-message.ts'

/** First in, first out, with constant cost at both ends; made when the first message has to wait. */
export class MessageQueue {
  #items: (QueuedMessage | undefined)[] = []
  #head = 0
  #bytes = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  /** *Unit*: bytes. */
  get bytes(): number {
    return this.#bytes
  }

  push(item: QueuedMessage): void {
    this.#items.push(item)
    this.#bytes += item.message.bytes
  }

  peek(): QueuedMessage | undefined {
    return this.#items[this.#head]
  }

  shift(): QueuedMessage | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    this.#bytes -= item.message.bytes
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
