import type { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import { deadLetterSink } from '../journal/port.ts'

/** What keeps a refused message: owed to the dead letters, with the refusal as its options. */
export const deadLetterOf = (message: Message, rule: string, { code, message: why }: TrestleError): Owed => ({
  sink: deadLetterSink,
  rule,
  target: null,
  key: null,
  orderKey: '',
  headers: [],
  payload: message.payload,
  options: { code, message: why },
})

/** What keeps the result of a window that its rule has refused: sent again, it goes on where it was stopped. */
export function gatheredLetterOf(message: Message, rule: string, key: string, error: TrestleError): Owed {
  const letter = deadLetterOf(message, rule, error)
  return { ...letter, key, options: { ...letter.options, gathered: true } }
}

/** In place of a rule, for what a source brought and MQTT cannot carry. */
export const ruleOfSource = (source: string): string => `$source:${source}`
