import type { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import type { FileSystemPort } from './file-system.ts'
import type { AppendWaiter, JournalReport, OwedTally } from './port.ts'

export interface JournalOptions {
  /** The journal's own folder (`data/journal`); `hub.json` lies beside it, in its parent. Made when missing. */
  readonly folder: string
  /** Sinks of the configuration: in the dictionary at once, and in this order in the shared tail. */
  readonly sinks: readonly string[]
  /** Further names (rules) that are to be in the dictionary at once: a name it does not hold costs a new segment. */
  readonly rules?: readonly string[]
  readonly maxBytes: number
  readonly segmentBytes: number
  /** At most so long between two commits' starts while that saves work; 0 never waits. */
  readonly spacingMs: number
  /** `always`: a commit is back when the disk has it. `os`: when the operating system has it. */
  readonly sync: 'always' | 'os'
  readonly now?: () => number
  readonly files?: FileSystemPort
  readonly onDurable?: (position: number) => void
  readonly onState?: (state: JournalReport['state'], error: TrestleError | null) => void
}

/** What recovery found and did; the hub logs it. */
export interface RecoveryReport {
  readonly segments: number
  /** Last durable position found. */
  readonly durable: number
  /** Bytes of a torn tail that were cut away; 0 for a clean stop. */
  readonly cutBytes: number
  /** File name of the segment that was cut or removed; null when none was. */
  readonly cutSegment: string | null
}

export class Journal {
  /** The hub's identity: stable over restarts. */
  readonly hub: string = ''
  readonly tail: SharedArrayBuffer = new SharedArrayBuffer(8)
  readonly recovery: RecoveryReport = { segments: 0, durable: 0, cutBytes: 0, cutSegment: null }

  static open(_options: JournalOptions): Promise<Journal> {
    return Promise.reject(new Error('in the making'))
  }

  /** Last position back from disk. */
  get durable(): number {
    return 0
  }

  /** Why `append` refuses now; null when it takes. */
  get error(): TrestleError | null {
    return null
  }

  /**
   * Takes one record: its position, or -1 when it refuses (see `error`; the waiter is not told then). Copies all bytes
   * before it returns.
   */
  append(
    _message: Message,
    _owed: readonly Owed[],
    _awaited: boolean,
    _waiter: AppendWaiter | null,
    _token: number,
  ): number {
    return -1
  }

  /** Puts names in the dictionary before the first record needs them (after a reload). */
  learn(_names: readonly string[]): void {}

  /** Everything up to and including this position is owed to nobody: whole segments below it are unlinked. */
  release(_lowWater: number): void {}

  /** Durable totals by sink, names no longer configured included. */
  tally(): Record<string, OwedTally> {
    return {}
  }

  report(): JournalReport {
    throw new Error('in the making')
  }

  /** Refuses from now on, writes what it has, waits for the last commit, gives the folder free. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
