import type { Evaluate } from './scope.ts'
import { bool, bytes, dyn, int, mapOf, type RecordType, string, type Type, timestamp } from './type.ts'

/**
 * How much of the message a value depends on: what depends on the topic alone is found once per topic, what depends on
 * the item of a `for_each` once per item.
 */
export type Dependence = 'nothing' | 'topic' | 'message' | 'item'

/** A name that expressions may use. */
export interface Variable {
  readonly type: Type
  readonly depends: Dependence
  readonly read: Evaluate
}

/** The names one expression may use; a rule's captures and `let` names are added to the standard ones. */
export type Names = ReadonlyMap<string, Variable>

const properties: RecordType = {
  kind: 'record',
  fields: new Map<string, Type>([
    ['user', mapOf(string)],
    ['content_type', string],
    ['response_topic', string],
    ['correlation_data', bytes],
    ['payload_format', int],
    ['expiry_seconds', int],
  ]),
  open: false,
  owner: 'properties',
}

const variable = (type: Type, read: Evaluate, depends: Dependence = 'message'): Variable => ({ type, read, depends })

/** The names every rule has. `payload` is the message's as it was published, whatever `set` makes of it. */
export const standardNames = (payload: Type): Map<string, Variable> =>
  new Map([
    ['payload', variable(payload, (scope) => scope.payload())],
    ['topic', variable(string, (scope) => scope.message.topic, 'topic')],
    ['client', variable(string, (scope) => scope.message.client)],
    // Null for anonymous clients, so `string` would promise too much.
    ['username', variable(dyn, (scope) => scope.message.username)],
    ['qos', variable(int, (scope) => scope.message.qos)],
    ['retain', variable(bool, (scope) => scope.message.retain)],
    ['properties', variable(properties, (scope) => scope.properties())],
    ['time', variable(timestamp, (scope) => scope.time())],
    // Null for what a device published.
    ['source', variable(dyn, (scope) => scope.message.source)],
  ])

/** The capture at index `at` of a rule's pattern. */
export const captured = (at: number): Variable => variable(string, (scope) => scope.captures[at]!, 'topic')

/** The names of what a `for_each` goes through. */
export const itemName = (type: Type): Variable => variable(type, (scope) => scope.item, 'item')
export const indexName = (type: Type): Variable => variable(type, (scope) => scope.index, 'item')

/** A table of the rule: what its file holds now. */
export const tableName = (type: Type, read: () => unknown): Variable => variable(type, read)

/** The `let` name at index `at`; its value is found at first use and kept for the rule's turn. */
export const letName = (at: number, type: Type, depends: Dependence, evaluate: Evaluate): Variable =>
  variable(type, (scope) => scope.local(at, evaluate), depends)
