/** What someone knows who sends numbered messages: how often each left, and which were acknowledged to it. */
export interface Teller {
  /** The name its messages carry. */
  readonly name: string
  readonly made: number
  /** How often each message left, by its number. */
  readonly sends: readonly number[]
  readonly acknowledged: ReadonlySet<number>
}

/** One message as the far side has it. */
export interface Seen {
  name: string
  n: number
  /** Its identity there; two of the same are one message twice. */
  id: string
}

export interface Judgement {
  made: number
  acknowledged: number
  /** Acknowledged and not there: must be empty. */
  lost: string[]
  /** First seen after a later one of the same teller: must be empty. */
  outOfOrder: string[]
  /** Second copies under the same identity: a reader drops them by it. */
  droppable: number
  /** Second copies under another identity, of messages the teller itself had to send again. */
  sentAgain: number
  /** Second copies of messages the teller sent once, under another identity. */
  unexplained: string[]
}

/** Holds what a far side has, in its order, against what the tellers know. Messages of strangers are left out. */
export function judge(tellers: readonly Teller[], all: Iterable<Seen>): Judgement {
  const known = new Map(tellers.map((teller) => [teller.name, new Watch(teller)]))
  const ids = new Set<string>()
  const judgement: Judgement = {
    made: sum(tellers, ({ made }) => made),
    acknowledged: sum(tellers, ({ acknowledged }) => acknowledged.size),
    lost: [],
    outOfOrder: [],
    droppable: 0,
    sentAgain: 0,
    unexplained: [],
  }
  for (const { name, n, id } of all) {
    const watch = known.get(name)
    if (watch === undefined) continue
    if (ids.has(id)) judgement.droppable++
    else watch.see(n, judgement)
    ids.add(id)
  }
  for (const watch of known.values()) watch.tellLost(judgement)
  return judgement
}

class Watch {
  readonly #teller: Teller
  readonly #copies = new Map<number, number>()
  #newest = -1

  constructor(teller: Teller) {
    this.#teller = teller
  }

  see(n: number, judgement: Judgement): void {
    const { name, sends } = this.#teller
    const count = (this.#copies.get(n) ?? 0) + 1
    this.#copies.set(n, count)
    if (count === 1 && n < this.#newest) judgement.outOfOrder.push(`${name} #${n} after #${this.#newest}`)
    this.#newest = Math.max(this.#newest, n)
    if (count > (sends[n] ?? 0)) judgement.unexplained.push(`${name} #${n} × ${count}`)
    else if (count > 1) judgement.sentAgain++
  }

  tellLost(judgement: Judgement): void {
    const { name, acknowledged } = this.#teller
    for (const n of acknowledged) if (!this.#copies.has(n)) judgement.lost.push(`${name} #${n}`)
  }
}

const sum = <T>(list: readonly T[], of: (one: T) => number): number => list.reduce((total, one) => total + of(one), 0)
