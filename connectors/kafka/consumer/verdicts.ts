/**
 * What a consumer does about an error code, by what it had asked.
 *
 * - `again`: ask the same again after a moment.
 * - `find`: the coordinator is elsewhere now; find it, then ask again.
 * - `rejoin`: partitions are being shared anew; join with the same member id.
 * - `anew`: the group no longer knows this member; what it had is lost, join as a new one.
 * - `leave-it`: it is of no use any more and needs nothing.
 * - `give-up`: nothing here can cure it; the source is made anew by the hub.
 */
export type Verdict = 'again' | 'find' | 'rejoin' | 'anew' | 'leave-it' | 'give-up'

export type Question = 'find' | 'join' | 'sync' | 'heartbeat' | 'commit' | 'stored' | 'leave'

type Row = { readonly [Asked in Question]: Verdict }

const row = (
  find: Verdict,
  join: Verdict,
  sync: Verdict,
  heartbeat: Verdict,
  commit: Verdict,
  stored: Verdict,
): Row => ({
  find,
  join,
  sync,
  heartbeat,
  commit,
  stored,
  leave: 'leave-it',
})

/** *Source*: Kafka protocol, error codes. */
export const verdicts: Readonly<Record<number, Row>> = {
  // COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR
  14: row('again', 'again', 'again', 'again', 'again', 'again'),
  15: row('again', 'find', 'find', 'find', 'find', 'find'),
  16: row('again', 'find', 'find', 'find', 'find', 'find'),
  // ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID
  22: row('give-up', 'anew', 'anew', 'anew', 'anew', 'give-up'),
  25: row('give-up', 'anew', 'anew', 'anew', 'anew', 'give-up'),
  // REBALANCE_IN_PROGRESS
  27: row('again', 'again', 'rejoin', 'rejoin', 'rejoin', 'again'),
  // UNKNOWN_TOPIC_OR_PARTITION: the topic was deleted
  3: row('again', 'again', 'again', 'again', 'leave-it', 'leave-it'),
  // REQUEST_TIMED_OUT, UNSTABLE_OFFSET_COMMIT
  7: row('again', 'again', 'again', 'again', 'again', 'again'),
  88: row('again', 'again', 'again', 'again', 'again', 'again'),
  // FENCED_INSTANCE_ID: another member has taken the instance id
  82: row('give-up', 'give-up', 'give-up', 'give-up', 'give-up', 'give-up'),
}

export const verdictOn = (asked: Question, kafkaCode: number): Verdict => verdicts[kafkaCode]?.[asked] ?? 'give-up'
