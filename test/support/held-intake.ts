import { type Intake, type Message, notDelivered, type Receipt, TrestleError } from 'trestle/contract'

/** One call of `take`, and how to answer it. */
export interface TakenBatch {
  readonly messages: readonly Message[]
  readonly faults: ReadonlyMap<number, TrestleError>
  answered: boolean
  /** All of its messages alike; `each` says otherwise by place. */
  answer(outcome?: Receipt['outcome'], each?: (at: number) => Receipt['outcome']): void
}

/**
 * The hub's door as a source sees it, worked by hand: answers with `outcome` as soon as something comes, or holds the
 * receipts back while `outcome` is null. What came is in `taken`, in its order.
 */
export class HeldIntake implements Intake {
  readonly batches: TakenBatch[] = []
  readonly losses: TrestleError[] = []
  outcome: Receipt['outcome'] | null

  constructor(outcome: Receipt['outcome'] | null = 'stored') {
    this.outcome = outcome
  }

  get taken(): Message[] {
    return this.batches.flatMap(({ messages }) => [...messages])
  }

  get values(): string[] {
    return this.taken.map(({ payload }) => textOf(payload))
  }

  /** Messages without an answer yet. */
  get unanswered(): number {
    return this.batches.reduce((sum, { answered, messages }) => sum + (answered ? 0 : messages.length), 0)
  }

  take(messages: readonly Message[], faults?: ReadonlyMap<number, TrestleError>): Promise<readonly Receipt[]> {
    // A payload may be a view into a buffer that the source uses again once it has the answer.
    const kept = messages.map((message) => ({ ...message, payload: Uint8Array.from(message.payload) }))
    return new Promise((resolve) => {
      const batch: TakenBatch = {
        messages: kept,
        faults: faults ?? new Map(),
        answered: false,
        answer(outcome = 'stored', each) {
          if (batch.answered) return
          batch.answered = true
          resolve(kept.map((_, at) => receiptOf(each?.(at) ?? outcome)))
        },
      }
      this.batches.push(batch)
      if (this.outcome !== null) batch.answer(this.outcome)
    })
  }

  lost(error: TrestleError): void {
    this.losses.push(error)
  }

  /** Answers all that is unanswered; what comes later is answered the same way when `stays`. */
  answerAll(outcome: Receipt['outcome'] = 'stored', stays = true): void {
    if (stays) this.outcome = outcome
    for (const batch of this.batches) batch.answer(outcome)
  }

  /** As the hub does when it closes a source: what is unanswered was not taken. */
  end(): void {
    this.answerAll('failed')
  }
}

export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

const receiptOf = (outcome: Receipt['outcome']): Receipt => {
  if (outcome === 'refused') return notDelivered(new TrestleError('E401', 'refused by the test'))
  if (outcome === 'failed') return notDelivered(new TrestleError('E902', 'the source is being closed'))
  return { outcome, error: null, place: null }
}
