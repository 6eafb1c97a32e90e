import { PulsarFault } from './fault.ts'
import type { Command, CommandBody, CommandName } from './wire/commands.ts'

/** Each request and the command that answers it; any may be answered by `error`. */
const answers = {
  partitions: 'partitionsAnswer',
  lookup: 'lookupAnswer',
  topics: 'topicsAnswer',
  producer: 'producerSuccess',
  closeProducer: 'success',
  subscribe: 'success',
  unsubscribe: 'success',
  closeConsumer: 'success',
  seek: 'success',
  lastMessageId: 'lastMessageIdAnswer',
  ack: 'ackAnswer',
} as const satisfies Partial<Record<CommandName, CommandName>>

export type RequestName = keyof typeof answers
export type AnswerOf<Name extends RequestName> = CommandBody<(typeof answers)[Name]>

interface Pending {
  readonly name: RequestName
  readonly settle: (body: never) => void
  readonly fail: (fault: PulsarFault) => void
  timer: NodeJS.Timeout | null
}

/** The requests of a connection that wait for their answers, by request id. */
export class Requests {
  readonly #place: string
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  constructor(place: string) {
    this.#place = place
  }

  /** Notes a request; its id goes on the wire. *Errors*: PulsarFault `timeout`, `server`, or what `fail` was given. */
  expect<Name extends RequestName>(name: Name, timeoutMs: number): { id: number; answer: Promise<AnswerOf<Name>> } {
    const id = ++this.#lastId
    const answer = new Promise<AnswerOf<Name>>((settle, fail) => {
      const late = (): void => {
        this.#pending.delete(id)
        fail(new PulsarFault('timeout', this.#place, `no answer to ${name} within ${timeoutMs} ms`))
      }
      const timer = setTimeout(late, timeoutMs)
      this.#pending.set(id, { name, settle, fail, timer })
    })
    return { id, answer }
  }

  /** Settles what a command answers; one that nobody waits for any more is dropped. */
  answer(command: Command): void {
    const body = command.body as { requestId?: number; error?: number; message?: string; ready?: boolean }
    const id = body.requestId ?? -1
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (pending.timer !== null) clearTimeout(pending.timer)
    // A producer that waits for exclusive access is answered twice; the second time may be far off.
    if (command.name === 'producerSuccess' && !command.body.ready) {
      pending.timer = null
      return
    }
    this.#pending.delete(id)
    if (command.name === 'error' || body.error !== undefined) {
      pending.fail(PulsarFault.fromServer(body.error ?? 0, body.message ?? '', this.#place))
    } else if (command.name === answers[pending.name]) {
      pending.settle(command.body as never)
    } else {
      const words = `${pending.name} was answered by ${command.name}`
      pending.fail(new PulsarFault('protocol', this.#place, words))
    }
  }

  /** Fails all that wait. */
  fail(fault: PulsarFault): void {
    for (const { timer, fail } of this.#pending.values()) {
      if (timer !== null) clearTimeout(timer)
      fail(fault)
    }
    this.#pending.clear()
  }
}
