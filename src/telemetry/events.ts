import type { Facts, Level, Log } from './log.ts'

/** One named event: its log level, what a person reads, and the counter it moves. */
export interface EventRow {
  readonly level: Level
  readonly message: string
  /** Name of a Prometheus counter, or null. */
  readonly counter: string | null
  /** The fact whose value labels the counter. Only facts with few values may stand here, never clients or topics. */
  readonly label: string | null
}

const row = (level: Level, message: string, counter: string | null = null, label: string | null = null): EventRow => ({
  level,
  message,
  counter,
  label,
})

/** Every event of the hub: log line and counter side by side, so that neither is forgotten. */
export const eventRows = {
  'hub.starting': row('info', 'hub is starting'),
  'hub.started': row('info', 'hub is running'),
  'hub.stopping': row('info', 'hub is stopping'),
  'hub.stopped': row('info', 'hub has stopped'),
  'hub.fault': row('error', 'unforeseen fault', 'trestle_faults_total'),
  'config.loaded': row('info', 'configuration is loaded'),
  'config.warning': row('warn', 'configuration should be looked at'),
  'rules.loaded': row('info', 'rules are loaded', 'trestle_rule_reloads_total'),
  'rules.refused': row(
    'error',
    'rules have faults; those that were loaded go on',
    'trestle_rule_reload_refusals_total',
  ),
  'rules.watch-failed': row('warn', 'folders of rules and schemas can no longer be watched'),
  'table.loaded': row('info', 'a table of the rules is read anew', 'trestle_table_reloads_total'),
  'table.refused': row(
    'error',
    'a table has faults; its rows stay as they were',
    'trestle_table_reload_refusals_total',
  ),
  'schemas.loaded': row('info', 'schemas are loaded'),
  'schema.refused': row('warn', 'a new version of another registry is not used', 'trestle_schema_refusals_total'),
  'schema.unknown-id': row('warn', 'a message names a schema id that nobody has'),
  'registry.away': row('warn', 'the other registry is away; the copy of it is used', 'trestle_registry_failures_total'),
  'registry.copy-failed': row('warn', 'the copy of the other registry cannot be written'),
  'registry.back': row('info', 'the other registry answers again'),
  'schema.changed': row('info', 'a subject has another version, or one less', 'trestle_schema_changes_total'),
  'listener.opened': row('info', 'listener is open'),
  'listener.closed': row('info', 'listener is closed'),
  'listener.failed': row('error', 'listener failed', 'trestle_listener_failures_total', 'listener'),
  'listener.certificates-loaded': row('info', 'certificates are loaded', 'trestle_certificate_loads_total', 'listener'),
  'listener.certificates-refused': row(
    'error',
    'certificates cannot be used; those that were loaded go on',
    'trestle_certificate_refusals_total',
    'listener',
  ),
  'listener.certificate-ends': row('warn', 'a certificate ends soon'),
  'client.too-many': row('warn', 'clients were turned away', 'trestle_clients_turned_away_total', 'listener'),
  'client.handshake-failed': row(
    'info',
    'a handshake came to nothing',
    'trestle_client_handshake_failures_total',
    'listener',
  ),
  'client.connected': row('debug', 'client connected', 'trestle_client_connects_total'),
  'client.disconnected': row('debug', 'client is gone', 'trestle_client_disconnects_total', 'reason'),
  'client.refused': row('warn', 'client was refused', 'trestle_client_refusals_total', 'reason'),
  'client.malformed': row('warn', 'client broke the protocol', 'trestle_client_protocol_errors_total', 'reason'),
  'client.connect-timeout': row('info', 'client sent no CONNECT in time', 'trestle_client_connect_timeouts_total'),
  'client.unforeseen-fault': row('error', 'client met an unforeseen fault', 'trestle_client_faults_total'),
  'client.taken-over': row('info', 'session was taken over by a newer connection', 'trestle_session_takeovers_total'),
  'message.refused': row('warn', 'message was refused', 'trestle_messages_refused_total', 'code'),
  'message.dropped': row('warn', 'message was dropped', 'trestle_messages_dropped_total', 'reason'),
  'message.looped': row('warn', 'messages came back to this hub and are dropped'),
  'journal.recovered': row('info', 'journal is read back'),
  'journal.tail-cut': row('warn', 'journal had a torn end, which was never acknowledged and is cut'),
  'journal.failing': row(
    'error',
    'journal cannot be written; nothing is acknowledged',
    'trestle_journal_failures_total',
  ),
  'journal.full': row('error', 'journal has reached its limit; nothing is acknowledged', 'trestle_journal_full_total'),
  'journal.writing': row('info', 'journal is written again'),
  'journal.segment-removed': row('debug', 'journal segment is no longer owed to anyone'),
  'journal.segment-stuck': row(
    'error',
    'journal segment cannot be removed; it takes room until it can',
    'trestle_journal_segments_stuck_total',
  ),
  'state.restored': row('info', 'what rules keep is read back'),
  'state.orphaned': row('warn', 'windows of a rule that is gone or changed are kept as dead letters'),
  'state.failing': row(
    'error',
    'what rules keep cannot be written or read back; it is tried again',
    'trestle_state_failures_total',
  ),
  'connector.connected': row('info', 'connector is connected', 'trestle_connector_connects_total', 'connector'),
  'connector.retrying': row('warn', 'connector will try again', 'trestle_connector_retries_total', 'connector'),
  'connector.failing': row('error', 'connector fails', 'trestle_connector_failures_total', 'connector'),
  'connector.paused': row('info', 'connector is paused'),
  'connector.resumed': row('info', 'connector is resumed'),
  'connector.stopped': row('info', 'connector has stopped'),
  'connector.added': row('info', 'connector is added'),
  'connector.removed': row('info', 'connector is removed'),
  'connector-thread.ended': row(
    'error',
    'connector thread ended and is started again',
    'trestle_connector_thread_restarts_total',
  ),
  'dead-letter.kept': row('warn', 'message is kept as a dead letter', 'trestle_dead_letters_kept_total', 'connector'),
  'dead-letter.replayed': row('info', 'dead letters are sent again', 'trestle_dead_letters_replays_total'),
  'dead-letter.discarded': row('info', 'dead letters are discarded', 'trestle_dead_letters_discards_total'),
  'api.opened': row('info', 'API is open'),
  'api.refused': row('warn', 'API request was refused', 'trestle_api_refusals_total', 'code'),
  'api.fault': row('error', 'API request failed', 'trestle_api_faults_total'),
  'api.subscriber-too-slow': row('warn', 'live subscriber read too slowly and was cut off', 'trestle_api_slow_total'),
} as const satisfies Record<string, EventRow>

export type EventName = keyof typeof eventRows

/** One counter as the metrics show it: label value ('' where the counter has no label) → count. */
export type EventCounts = ReadonlyMap<string, { label: string | null; values: ReadonlyMap<string, number> }>

/** The door through which every room says what happened: one call makes the log line and moves the counter. */
export class Events {
  readonly #log: Log
  readonly #counts = new Map<string, { label: string | null; values: Map<string, number> }>()

  constructor(log: Log) {
    this.#log = log
    // A counter that shows up only with its first event hides that event from `rate()`; unlabelled ones start at 0.
    for (const { counter, label } of Object.values<EventRow>(eventRows)) {
      if (counter !== null) this.#counts.set(counter, { label, values: new Map(label === null ? [['', 0]] : []) })
    }
  }

  /** What was counted since the start, for the metrics. */
  get counts(): EventCounts {
    return this.#counts
  }

  /** `times`: how much the counter moves. */
  emit(name: EventName, facts?: Facts, times = 1): void {
    const event: EventRow = eventRows[name]
    const counted = event.counter === null ? undefined : this.#counts.get(event.counter)
    if (counted !== undefined) {
      const value = counted.label === null ? '' : String(facts?.[counted.label] ?? 'unknown')
      counted.values.set(value, (counted.values.get(value) ?? 0) + times)
    }
    this.#log.write(event.level, name, event.message, facts)
  }

  /** For rooms that know events by name only: one of the table counts and speaks as the table says, any other is a plain line. */
  tell(level: Level, name: string, facts?: Facts): void {
    if (Object.hasOwn(eventRows, name)) this.emit(name as EventName, facts)
    else this.#log.note(level, name, facts)
  }
}
