import type { Journal } from '../journal/journal.ts'
import type { Events } from '../telemetry/events.ts'

/** Tells what the journal has found when it was opened. */
export function tellRecovery({ recovery }: Journal, events: Pick<Events, 'emit'>): void {
  const { segments, durable, cutBytes, cutSegment } = recovery
  events.emit('journal.recovered', { segments, durable })
  if (cutBytes > 0) events.emit('journal.tail-cut', { bytes: cutBytes, segment: cutSegment })
}
