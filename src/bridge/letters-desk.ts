import type { KeptLetter, LetterSummary } from '../outbox/dead-letter-row.ts'
import type { DeadLetterFilter } from '../outbox/dead-letters.ts'
import type { Events } from '../telemetry/events.ts'
import type { ControlTable, ReplayResult } from './boundary.ts'

type LetterWord = 'list' | 'show' | 'count' | 'replay' | 'discard'
type Ask = <Word extends LetterWord>(
  word: Word,
  ask: ControlTable[Word]['ask'],
) => Promise<ControlTable[Word]['answer']>

/** The dead letters as main asks for them; they lie in the connector thread. */
export class LettersDesk {
  readonly #ask: Ask
  readonly #events: Pick<Events, 'emit'>

  constructor(ask: Ask, events: Pick<Events, 'emit'>) {
    this.#ask = ask
    this.#events = events
  }

  list(filter: DeadLetterFilter = {}): Promise<LetterSummary[]> {
    return this.#ask('list', filter)
  }

  show(id: string): Promise<KeptLetter | null> {
    return this.#ask('show', id)
  }

  count(): Promise<Record<string, number>> {
    return this.#ask('count', null)
  }

  /** In journal order. An empty filter means all. */
  async replay(filter: DeadLetterFilter): Promise<ReplayResult> {
    const result = await this.#ask('replay', filter)
    this.#events.emit('dead-letter.replayed', { letters: result.replayed })
    return result
  }

  /** An empty filter means all. Answers how many there were. */
  async discard(filter: DeadLetterFilter): Promise<number> {
    const letters = await this.#ask('discard', filter)
    this.#events.emit('dead-letter.discarded', { letters })
    return letters
  }
}
