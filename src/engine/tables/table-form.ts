import type { CsvType } from '../encoding/csv.ts'
import { tableName, type Variable } from '../expression/names.ts'
import { dyn } from '../expression/type.ts'
import type { RuleFaults } from '../rule-faults.ts'
import type { TableForm, TableSource } from './table.ts'

/** The shape of a rule's `tables:`. *Source*: `docs/reference/rules.md` is printed from it. */
export const tablesSchema = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    required: ['file'],
    additionalProperties: false,
    properties: {
      file: { type: 'string', minLength: 1 },
      key: { type: 'string', minLength: 1 },
      types: { type: 'object', additionalProperties: { type: 'string', enum: ['text', 'number', 'int', 'bool'] } },
    },
  },
  examples: [{ machines: { file: 'machines.csv', key: 'id', types: { limit: 'number' } } }],
  description:
    "Tables to look things up in, by the name they have in expressions: `file`, a CSV file whose first line names the columns or a JSON file (a list or an object of rows), relative to the rule; `key`, the column its rows are found by; `types` of columns that are not text. `machines[payload.id].line` is a row's cell, and `machines[?payload.id]` may be absent. Keys are text: a number asks by `machines[string(payload.id)]`. A changed file is read again; a bad one is told, and the rows stay.",
} as const

/** Opens the tables of a rule and gives their names to its expressions. */
export function addTables(
  raw: Readonly<Record<string, unknown>>,
  names: Map<string, Variable>,
  source: TableSource | undefined,
  faults: RuleFaults,
): void {
  for (const [name, said] of Object.entries(raw)) {
    const path = ['tables', name]
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      faults.atKey(path, 'E201', `\`${name}\` cannot be a name: letters, digits and _ only`)
    } else if (names.has(name)) faults.atKey(path, 'E201', `\`${name}\` already means something in expressions`)
    const form = formOf(said)
    const table = form === null ? null : source === undefined ? 'none' : source.open(form, faults.document.file)
    if (table === 'none') faults.at([...path, 'file'], 'E209', 'there are no files to read a table from here')
    else if (table !== null && 'message' in table) {
      faults.at([...path, 'file'], 'E209', `${table.file}:${table.line}: ${table.message}`)
    }
    // A faulty one is known all the same, so that its uses are not faults too.
    const found = table === null || table === 'none' || 'message' in table ? null : table
    names.set(name, found === null ? tableName(dyn, () => null) : tableName(found.type, () => found.rows))
  }
}

/** null: its shape is wrong, which has been told. */
function formOf(said: unknown): TableForm | null {
  if (typeof said !== 'object' || said === null) return null
  const { file, key, types } = said as Readonly<Record<string, unknown>>
  if (typeof file !== 'string') return null
  const isMap = typeof types === 'object' && types !== null
  const columns = new Map(isMap ? (Object.entries(types) as [string, CsvType][]) : [])
  return { file, key: typeof key === 'string' ? key : null, types: columns }
}
