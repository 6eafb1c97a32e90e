import { TrestleError } from '../contract/error.ts'
import type { Owed } from '../contract/message.ts'

/** The sinks that are owed as much as they may be, and what is to be done about it. */
export type FullBuffers = ReadonlyMap<
  string,
  { readonly maxBytes: number; readonly whenFull: 'block' | 'drop-oldest' | 'drop-newest' }
>

/** What full buffers have dropped since the start of the process, by sink and by rule. */
export class BufferDrops {
  readonly bySink = new Map<string, number>()
  readonly byRule = new Map<string, number>()

  count({ sink, rule }: Owed): void {
    this.bySink.set(sink, (this.bySink.get(sink) ?? 0) + 1)
    this.byRule.set(rule, (this.byRule.get(rule) ?? 0) + 1)
  }
}

/** Why a message is not taken now; null when no buffer in its way says `block`. */
export function blockedBy(owed: readonly Owed[], full: FullBuffers): TrestleError | null {
  for (const { sink } of owed) {
    const buffer = full.get(sink)
    if (buffer?.whenFull !== 'block') continue
    return new TrestleError('E406', `sink ${sink} is owed its limit of ${buffer.maxBytes} bytes`, {
      detail: { place: sink, advice: 'bring its far side back, raise `buffer.max_bytes`, or set `buffer.when_full`' },
    })
  }
  return null
}

/** Whether what is owed goes to a sink that drops the newest. */
export const isDropped = ({ sink }: Owed, full: FullBuffers): boolean => full.get(sink)?.whenFull === 'drop-newest'
