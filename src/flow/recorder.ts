import type { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import type { AppendWaiter } from '../journal/port.ts'

/** What the flow needs of the journal. */
export interface Recorder {
  append(message: Message, owed: readonly Owed[], awaited: boolean, waiter: AppendWaiter | null, token: number): number
  readonly error: TrestleError | null
  /** The last position that is back from disk; absent where all is at once. */
  readonly durable?: number
}
