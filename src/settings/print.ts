import { stringify } from 'yaml'
import type { SchemaNode } from '../document/problem.ts'
import { type ConnectorSchemas, connectorEntrySchema } from './connector-options.ts'
import { Redactor } from './redact.ts'
import { settingsSchema } from './schema.ts'

/** The settings in effect as YAML, secrets masked: what `trestle config print` shows. */
export const printSettings = (effective: Readonly<Record<string, unknown>>, secrets: Iterable<string>): string =>
  stringify(new Redactor(secrets).value(effective), { lineWidth: 0, flowCollectionPadding: true })

/** JSON Schema of the whole file with the options of every connector type: what editors check against. */
export function printConfigSchema(connectors: ConnectorSchemas): Record<string, unknown> {
  const entries = [...connectors].map(([type, schema]) => ({
    if: { properties: { type: { const: type } }, required: ['type'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: connectorEntrySchema(type, schema),
  }))
  const loose = settingsSchema.properties.connectors as unknown as SchemaNode
  const entry = {
    type: 'object',
    required: ['type'],
    properties: { type: { enum: [...connectors.keys()], description: 'Which kind of connector.' } },
    allOf: entries,
  }
  const whole = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...settingsSchema,
    properties: { ...settingsSchema.properties, connectors: { ...loose, additionalProperties: entry } },
  }
  return forEditors(whole) as Record<string, unknown>
}

/** As editors take it: a field with a default need not be written. Keywords that only this house knows stay; editors pass over them. */
function forEditors(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(forEditors)
  if (typeof node !== 'object' || node === null) return node
  const { required, ...rest } = node as Record<string, unknown>
  const properties = (rest['properties'] ?? {}) as Record<string, SchemaNode>
  const needed = Array.isArray(required)
    ? required.filter((name) => !('default' in (properties[name] ?? {})))
    : required
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, forEditors(value)]))
  return needed === undefined || (Array.isArray(needed) && needed.length === 0) ? copy : { ...copy, required: needed }
}
