/** What the journal can be in: taking appends, or refusing them because writing fails or its size limit is reached. */
export type JournalState = 'writing' | 'failing' | 'full'

/**
 * - `fault`: a write, sync or new segment failed.
 * - `mended`: a fresh segment was opened after a fault.
 * - `limit`: an append would have passed the size limit.
 * - `room`: segments were removed and it is below the limit again.
 */
export type JournalEvent = 'fault' | 'mended' | 'limit' | 'room'

/** The whole table: a missing cell does not compile. A fault outweighs a full journal; mending starts over. */
export const journalStates: Record<JournalState, Record<JournalEvent, JournalState>> = {
  writing: { fault: 'failing', mended: 'writing', limit: 'full', room: 'writing' },
  failing: { fault: 'failing', mended: 'writing', limit: 'failing', room: 'failing' },
  full: { fault: 'failing', mended: 'writing', limit: 'full', room: 'writing' },
}
