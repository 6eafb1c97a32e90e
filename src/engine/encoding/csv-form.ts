import type { DocumentPath } from '../../document/source-document.ts'
import type { RuleFaults } from '../rule-faults.ts'
import type { CsvForm, CsvType } from './csv.ts'

/** The fields of `decode:` and `encode:` beside `format: csv`. *Source*: `docs/reference/rules.md` is printed from it. */
export const csvProperties = {
  columns: {
    type: ['array', 'object'],
    minItems: 1,
    minProperties: 1,
    items: { type: 'string', minLength: 1 },
    additionalProperties: { type: 'string', enum: ['text', 'number', 'int', 'bool'] },
    description:
      'CSV: the names of the columns, or a map of names and types (`text`, `number`, `int`, `bool`). Default: the first line names them.',
    examples: [{ time: 'text', celsius: 'number' }],
  },
  delimiter: { type: 'string', minLength: 1, maxLength: 1, default: ',', description: 'CSV: what parts the cells.' },
  header: { type: 'boolean', default: false, description: 'CSV: the first line holds the names of `columns`.' },
  lines: {
    type: 'string',
    enum: ['one', 'many'],
    default: 'many',
    description: 'CSV: whether the payload is a list of objects, or one line and its object.',
  },
} as const

/** What a rule says of CSV; its shape has been checked. */
export function csvFormOf(raw: Readonly<Record<string, unknown>>, path: DocumentPath, faults: RuleFaults): CsvForm {
  const { columns, delimiter, header, lines } = raw
  if (Array.isArray(columns) && new Set(columns).size < columns.length) {
    faults.at([...path, 'columns'], 'E201', 'two columns share a name')
  }
  return {
    columns: columnsOf(columns),
    delimiter: typeof delimiter === 'string' ? delimiter : ',',
    header: header === true,
    lines: lines === 'one' ? 'one' : 'many',
  }
}

function columnsOf(columns: unknown): ReadonlyMap<string, CsvType> | null {
  if (Array.isArray(columns)) return new Map(columns.map((name) => [String(name), 'text']))
  if (typeof columns !== 'object' || columns === null) return null
  return new Map(Object.entries(columns) as [string, CsvType][])
}
