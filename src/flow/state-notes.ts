import type { Message, MessageProperties, Owed } from '../contract/message.ts'
import type { GatherForm } from '../engine/state/gather-table.ts'
import type { StateChange, StateChanges } from '../engine/state/state.ts'
import type { JournalRecord, OwedRecord } from '../journal/port.ts'

/** The taker of what rules keep: in the journal it is owed each change, and a snapshot settles it. */
export const stateSink = '$state'

/** In place of a rule, for notes that stand for no message of their own: what has passed goes on to other sinks. */
export const noteRule = '$notes'

/**
 * What a change is in the journal. *Shape*: `options.in` is the change's input; what the message is beside the record's
 * (a rule had published it) stands in `options` too. Only what is gathered counts as a message of the rule.
 */
interface NoteOptions {
  readonly in: readonly unknown[]
  /** With the first message of a window: how to go on with it when its rule is gone. */
  readonly form?: GatherForm
  readonly topic?: string
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  /** Without the correlation data, which is the record's. */
  readonly properties?: MessageProperties | null
}

/** A change read back. */
export interface ReadNote {
  readonly table: string
  readonly key: string
  readonly input: readonly unknown[]
  readonly form: GatherForm | null
  readonly message: Message
}

/** Whether this is owed to the state, and to no sink. */
export const isNote = ({ sink }: Owed): boolean => sink === stateSink

const isGathered = ({ table, input }: StateChange): boolean => table.kind === 'gather' && input[0] !== 'close'

/** Owes the state what a message alters, in the same record as all else: either all of it is on disk or nothing. */
export function oweNotes({ list }: StateChanges, message: Message, owed: Owed[]): void {
  for (const change of list) {
    const { key, rule, table } = change
    owed.push(noteOf(isGathered(change) ? rule : noteRule, table.id, key, optionsOf(change, message), change.message))
  }
}

/** A note that alters nothing: whoever waits for it hears of it when all before it is safe. */
export const emptyNote = (message: Message): Owed => noteOf(noteRule, null, null, null, message)

function noteOf(
  rule: string,
  table: string | null,
  key: string | null,
  options: NoteOptions | null,
  { payload }: Message,
): Owed {
  return {
    sink: stateSink,
    rule,
    target: table,
    key,
    orderKey: '',
    headers: [],
    payload,
    options: options as Readonly<Record<string, unknown>> | null,
  }
}

function optionsOf({ input, key, message, table }: StateChange, origin: Message): NoteOptions {
  const isFirst = table.kind === 'gather' && input[0] !== 'close' && !table.has(key, input[0] as number)
  const note: NoteOptions = isFirst ? { in: input, form: table.form } : { in: input }
  if (message === origin) return note
  const { topic, qos, retain, properties } = message
  if (properties === origin.properties) return { ...note, topic, qos, retain }
  const { correlationData: _, ...told } = properties ?? {}
  return { ...note, topic, qos, retain, properties: properties === null ? null : told }
}

/** The change in one of a record's notes; null for a note that alters nothing. */
export function readNote(
  { message: origin }: JournalRecord,
  { key, options, payload, target }: OwedRecord,
): ReadNote | null {
  if (target === null || key === null || options === null) return null
  const { in: input, form = null, topic, qos, retain, properties: told } = options as unknown as NoteOptions
  if (topic === undefined) return { table: target, key, input, form, message: origin }
  const correlationData = origin.properties?.correlationData
  const whole = told && correlationData !== undefined ? { ...told, correlationData } : told
  const properties = whole === undefined ? origin.properties : whole
  const message = { ...origin, topic, qos: qos!, retain: retain!, payload, properties }
  return { table: target, key, input, form, message }
}
