/**
 * The one table of error codes. PUBACK, the API, the command line and `docs/reference/errors.md` all read it.
 *
 * - `retry`: `never` (sending again cannot help), `later` (try again after a pause), `reconnect` (the connection is
 *   spent; open a new one, then try again).
 * - `mqtt`: reason code for MQTT 5 acknowledgements and DISCONNECT. *Source*: MQTT 5.0 §2.4.
 * - `http`: status of the API.  - `exit`: exit code of the command line.
 *
 * Families: E1 configuration, E2 rules and expressions, E3 schemas, E4 messages, E5 journal, E6 connectors,
 * E7 API and command line, E8 protocol (MQTT), E9 the hub itself.
 */
export type Retry = 'never' | 'later' | 'reconnect'

export interface CodeRow {
  readonly title: string
  readonly retry: Retry
  readonly mqtt: number
  readonly http: number
  readonly exit: number
}

const row = (title: string, retry: Retry, mqtt: number, http: number, exit: number): CodeRow => ({
  title,
  retry,
  mqtt,
  http,
  exit,
})

export const codes = {
  // E1 configuration
  E101: row('configuration file cannot be read', 'never', 0x83, 500, 2),
  E102: row('not valid YAML', 'never', 0x83, 400, 2),
  E103: row('unknown setting', 'never', 0x83, 400, 2),
  E104: row('setting has the wrong type or value', 'never', 0x83, 400, 2),
  E105: row('setting is missing', 'never', 0x83, 400, 2),
  E106: row('environment variable or secret file is missing', 'never', 0x83, 400, 2),
  E107: row('unknown connector type', 'never', 0x83, 400, 2),
  E108: row('listener on a public address without authentication', 'never', 0x83, 400, 2),
  E109: row('two settings contradict each other', 'never', 0x83, 400, 2),
  E110: row('certificate or key cannot be used', 'never', 0x83, 400, 2),
  // E2 rules and expressions
  E201: row('rule file has an unknown or wrong field', 'never', 0x83, 400, 2),
  E202: row('expression cannot be parsed', 'never', 0x83, 400, 2),
  E203: row('unknown name in an expression', 'never', 0x83, 400, 2),
  E204: row('types do not fit in an expression', 'never', 0x83, 400, 2),
  E205: row('rule names an unknown sink', 'never', 0x83, 400, 2),
  E206: row('topic filter or topic template is not valid', 'never', 0x83, 400, 2),
  E207: row('rule publishes into its own topics', 'never', 0x83, 400, 2),
  E208: row('rule names an unknown schema', 'never', 0x83, 400, 2),
  E209: row('table file cannot be read or is not valid', 'never', 0x83, 400, 2),
  E217: row('unknown field in the schema', 'never', 0x83, 400, 2),
  // E3 schemas
  E301: row('schema file cannot be read', 'never', 0x83, 400, 2),
  E302: row('schema is not valid', 'never', 0x83, 400, 2),
  E303: row('schema uses something this hub refuses', 'never', 0x83, 400, 2),
  E304: row('schema does not fit the earlier versions of its subject', 'never', 0x83, 409, 2),
  E305: row('schema change would break a rule', 'never', 0x83, 409, 1),
  E306: row('no such schema, version or subject', 'never', 0x83, 404, 1),
  E307: row('registry does not take this change', 'never', 0x83, 422, 1),
  E308: row('registry behind this one is not reachable', 'later', 0x80, 503, 1),
  // E4 messages
  E401: row('payload does not fit its schema', 'never', 0x99, 422, 1),
  E402: row('payload cannot be decoded', 'never', 0x99, 422, 1),
  E403: row('expression failed on this message', 'never', 0x99, 422, 1),
  E404: row('not authorised to publish here', 'never', 0x87, 403, 1),
  E405: row('topic is not valid', 'never', 0x90, 400, 1),
  E406: row('a buffer is full', 'later', 0x97, 429, 1),
  E407: row('message expired before it was delivered', 'never', 0x80, 410, 1),
  E408: row('message came back to this hub', 'never', 0x00, 409, 1),
  E409: row('schema of the payload is still being asked for', 'later', 0x97, 503, 1),
  // E5 journal
  E501: row('data folder cannot be written', 'never', 0x83, 500, 3),
  E502: row('journal was written by a newer version', 'never', 0x83, 500, 3),
  E503: row('journal is damaged', 'never', 0x83, 500, 3),
  E504: row('write to the journal failed', 'later', 0x80, 503, 3),
  E505: row('journal has reached its size limit', 'later', 0x97, 503, 3),
  E506: row('data folder is in use by another hub', 'never', 0x83, 500, 3),
  // E6 connectors
  E601: row('far side is not reachable', 'reconnect', 0x88, 503, 1),
  E602: row('far side refused the credentials', 'reconnect', 0x87, 503, 1),
  E603: row('far side refused permission', 'later', 0x87, 503, 1),
  E604: row('target does not exist on the far side', 'later', 0x80, 503, 1),
  E605: row('record is too large for the far side', 'never', 0x95, 422, 1),
  E606: row('record is not valid for the far side', 'never', 0x83, 422, 1),
  E607: row('far side is overloaded or not ready', 'later', 0x89, 503, 1),
  E608: row('connector failed in an unforeseen way', 'reconnect', 0x80, 500, 1),
  E609: row('connector is not installed', 'never', 0x83, 400, 2),
  E610: row('retry budget is spent', 'never', 0x80, 503, 1),
  E611: row('far side is of a version that cannot be used', 'never', 0x83, 503, 1),
  // E7 API and command line
  E701: row('hub is not reachable', 'later', 0x88, 503, 4),
  E702: row('no such thing', 'never', 0x83, 404, 1),
  E703: row('request is not valid', 'never', 0x83, 400, 2),
  E704: row('token is missing or wrong', 'never', 0x87, 401, 1),
  E705: row('a connector is down or the ledger does not balance', 'later', 0x80, 503, 1),
  E706: row('request is too large', 'never', 0x95, 413, 2),
  E707: row('request comes from another site', 'never', 0x87, 403, 2),
  E708: row('request does not fit what is there', 'never', 0x83, 409, 1),
  // E8 protocol
  E801: row('malformed packet', 'never', 0x81, 400, 1),
  E802: row('protocol error', 'never', 0x82, 400, 1),
  E803: row('packet too large', 'never', 0x95, 413, 1),
  // E9 the hub itself
  E901: row('port is taken or cannot be opened', 'never', 0x83, 500, 3),
  E902: row('hub is shutting down', 'later', 0x8b, 503, 1),
  E999: row('unforeseen fault', 'later', 0x80, 500, 70),
} as const satisfies Record<string, CodeRow>

export type Code = keyof typeof codes
