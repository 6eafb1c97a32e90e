import type { Message } from '../../../src/contract/message.ts'
import { compileExpression } from '../../../src/engine/expression/expression.ts'
import { standardNames, type Variable } from '../../../src/engine/expression/names.ts'
import { Scope } from '../../../src/engine/expression/scope.ts'
import { dyn, type Type } from '../../../src/engine/expression/type.ts'
import { failed, none } from '../../../src/engine/expression/value.ts'

export const messageWith = (payload: unknown, more: Partial<Message> = {}): Message => ({
  topic: 'plants/oslo/lines/3',
  payload: payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload)),
  qos: 1,
  retain: false,
  properties: null,
  client: 'press-7',
  username: null,
  source: null,
  timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  ...more,
})

export type Ran =
  | { value: unknown; type: string }
  | { failure: string; code: string; offset: number }
  | { faults: { code: string; offset: number; message: string; suggestion?: string }[] }

/** Compiles and runs an expression over a payload: its value, how it failed, or why it was not compiled. */
export function run(
  text: string,
  payload: unknown = {},
  options: { type?: Type; message?: Partial<Message>; names?: Map<string, Variable>; budget?: number } = {},
): Ran {
  const names = new Map([...standardNames(options.type ?? dyn), ...(options.names ?? [])])
  const { compiled, faults } = compileExpression({ text, origin: { path: ['where'] } }, names)
  if (compiled === null) return { faults: faults.map((fault) => ({ ...fault })) }
  const scope = new Scope()
  scope.begin(messageWith(payload, options.message))
  scope.beginRule([], 0)
  if (options.budget !== undefined) scope.budget = options.budget
  const value = compiled.evaluate(scope)
  if (value === failed) return { failure: scope.reason, code: scope.code, offset: scope.site.offset }
  return { value: value === none ? 'none' : value, type: compiled.type.kind }
}

/** The value, or the text of what went wrong behind `!`. */
export function result(text: string, payload: unknown = {}, type?: Type): unknown {
  const ran = run(text, payload, type === undefined ? {} : { type })
  if ('faults' in ran) return `! ${ran.faults.map((fault) => `${fault.code} ${fault.message}`).join('; ')}`
  return 'failure' in ran ? `! ${ran.failure}` : ran.value
}
